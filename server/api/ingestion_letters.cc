// Dead letters: listed, taken again (as they are or mended), removed.
#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include <charconv>

#include "ingest/dead_letters.h"
#include "ingest/field_value.h"
#include "ingest/file_records.h"
#include "server/api/ingestion_service.h"
#include "server/api/services.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr size_t kPage = 100;
constexpr size_t kMaxPage = 1000;
constexpr size_t kMaxBody = size_t{16} << 20;

// Null if there is no such dataset.
std::optional<HttpResponse> missing(const Services& services,
                                    const HttpRequest& request) {
  const std::string& name = request.params.at("d");
  if (services.ingestion.progress(name)) return std::nullopt;
  return error_response(
      {ErrorCode::kNotFound, "there is no dataset '" + name + "'"},
      request.request_id);
}

void write_letter(JsonWriter& out, const DeadLetter& letter,
                  bool pending = false) {
  out.begin_object();
  out.field("id", std::string_view(letter.id()));
  out.field("partition", std::string_view(letter.partition));
  out.field("offset", letter.offset);
  out.field("time", std::string_view(to_iso8601(letter.time)));
  out.field("reason", std::string_view(letter.reason));
  out.field("message", std::string_view(letter.message));
  out.field("event", std::string_view(letter.bytes));
  if (!is_utf8(letter.bytes)) {
    std::string text;
    absl::Base64Escape(
        absl::string_view(letter.bytes.data(), letter.bytes.size()), &text);
    out.field("event_base64", std::string_view(text));
  }
  for (const auto& [name, value] : letter.headers) {
    // Who mends a record of a CSV file must know its fields.
    if (name == kCsvHeader) out.field(name, std::string_view(value));
  }
  out.field("size", letter.full_size);
  out.field("whole", letter.whole());
  if (pending) out.field("pending", true);
  out.end_object();
}

// How many letters of a page are asked for.
Result<size_t> page_size(const HttpRequest& request) {
  const std::string* text = request.query_value("limit");
  if (text == nullptr) return kPage;
  size_t limit = 0;
  const char* end = text->data() + text->size();
  auto parsed = std::from_chars(text->data(), end, limit);
  if (parsed.ec == std::errc() && parsed.ptr == end && limit >= 1 &&
      limit <= kMaxPage) {
    return limit;
  }
  return invalid(fmt::format("limit is a whole number from 1 to {}, not: {}",
                             kMaxPage, *text));
}

// What the next seal writes. Asked for before the page is read: a letter that
// is written in between is in both, and then not pending any more.
Status drop_written(const Services& services, const std::string& dataset,
                    Ingestion::PendingLetters& pending) {
  std::vector<DeadLetter> left;
  for (DeadLetter& letter : pending.letters) {
    TRY_ASSIGN(auto written,
               find_dead_letter(services.metadata, dataset, letter.id()));
    // An offset that is read again has an older letter under its name.
    bool same = written && written->time == letter.time;
    if (same) {
      --pending.count;
      --pending.reasons[letter.reason];
    } else {
      left.push_back(std::move(letter));
    }
  }
  pending.letters = std::move(left);
  return {};
}

// Behind the last page, as far as they fit it.
void write_pending(JsonWriter& out, const Ingestion::PendingLetters& pending,
                   const std::string& reason, size_t room) {
  for (const DeadLetter& letter : pending.letters) {
    if (!reason.empty() && letter.reason != reason) continue;
    if (room == 0) return;
    --room;
    write_letter(out, letter, true);
  }
}

HttpResponse list(Services& services, const HttpRequest& request) {
  if (auto gone = missing(services, request)) return *gone;
  const std::string& name = request.params.at("d");
  auto text = [&](const char* key) {
    const std::string* value = request.query_value(key);
    return value == nullptr ? std::string() : *value;
  };
  auto limit = page_size(request);
  if (!limit) return error_response(limit.error(), request.request_id);
  auto pending = services.ingestion.pending_letters(name, kPage);
  auto page = list_dead_letters(services.metadata, name, text("after"), *limit,
                                text("reason"));
  if (!page) return error_response(page.error(), request.request_id);
  auto counts = count_dead_letters(services.metadata, name);
  if (!counts) return error_response(counts.error(), request.request_id);
  Status left = drop_written(services, name, pending);
  if (!left) return error_response(left.error(), request.request_id);
  JsonWriter out;
  out.begin_object().key("dead_letters").begin_array();
  for (const DeadLetter& letter : page->letters) write_letter(out, letter);
  if (page->next.empty()) {
    write_pending(out, pending, text("reason"), *limit - page->letters.size());
  }
  out.end_array();
  if (!page->next.empty()) out.field("next", std::string_view(page->next));
  for (const auto& [reason, count] : pending.reasons) {
    if (count > 0) (*counts)[reason] += count;
  }
  uint64_t total = 0;
  out.key("reasons").begin_object();
  for (const auto& [reason, count] : *counts) {
    out.field(reason, count);
    total += count;
  }
  out.end_object().field("total", total).field("pending", pending.count);
  const std::shared_ptr<const Model> model = services.model();
  const DatasetModel* dataset = model->dataset(name);
  if (pending.count > 0 && dataset != nullptr) {
    out.field("pending_at_most_ms", dataset->seal_age_ms);
  }
  out.end_object();
  return json_response(out.take());
}

Result<std::string> text_of(const std::string& name, const JsonValue& value) {
  if (value.as_string() != nullptr) return *value.as_string();
  return invalid(
      fmt::format("'{}' is a text, not a {}", name, value.type_name()));
}

// {"id":"log/0/12","event":"..."}: the event as the source would hold it.
Result<LetterReplay> read_mended(const JsonValue& value) {
  LetterReplay letter;
  const JsonObject* members = value.as_object();
  if (members == nullptr) {
    return invalid("'events' is a list of {\"id\", \"event\"}");
  }
  for (const auto& [name, member] : *members) {
    TRY_ASSIGN(std::string text, text_of(name, member));
    if (name == "id") {
      letter.id = std::move(text);
    } else if (name == "event") {
      letter.event = std::move(text);
    } else if (name == "event_base64") {
      std::string bytes;
      if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()),
                                &bytes)) {
        return invalid("'event_base64' is not base64");
      }
      letter.event = std::move(bytes);
    } else {
      return invalid("unknown key '" + name +
                     "' in 'events'; known are id, event, event_base64");
    }
  }
  if (letter.id.empty() || !letter.event) {
    return invalid("an entry of 'events' lacks 'id' or 'event'");
  }
  return letter;
}

Status read_member(const std::string& name, const JsonValue& value,
                   LetterSelection& selection) {
  if (name == "all") {
    if (value.as_bool() == nullptr || !*value.as_bool()) {
      return invalid("'all' can only be true");
    }
    selection.all = true;
  } else if (name == "reason") {
    TRY_ASSIGN(selection.reason, text_of(name, value));
  } else if (name == "ids" || name == "events") {
    if (value.as_array() == nullptr) return invalid("'" + name + "': no list");
    for (const JsonValue& one : *value.as_array()) {
      LetterReplay letter;
      if (name == "ids") {
        TRY_ASSIGN(letter.id, text_of(name, one));
      } else {
        TRY_ASSIGN(letter, read_mended(one));
      }
      selection.letters.push_back(std::move(letter));
    }
  } else {
    std::vector<std::string> known = {"all", "reason", "ids", "events"};
    std::string near = nearest_name(name, known);
    return invalid("unknown key '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  return {};
}

// In how many ways something is selected: one is right.
int kinds(const LetterSelection& selection) {
  return int{selection.all} + int{!selection.reason.empty()} +
         int{!selection.letters.empty()};
}

Status check_selection(const LetterSelection& selection) {
  if (kinds(selection) == 1) return {};
  return invalid(
      "say which dead letters, in one way: {\"all\":true}, "
      "{\"reason\":\"wrong_type\"}, {\"ids\":[\"log/0/12\"]}, or mended "
      "{\"events\":[{\"id\":\"log/0/12\",\"event\":\"...\"}]}");
}

Result<LetterSelection> read_selection(const std::string& body) {
  LetterSelection selection;
  if (trim(body).empty()) return check_selection(selection).error();
  TRY_ASSIGN(JsonValue json, parse_json(body));
  const JsonObject* members = json.as_object();
  if (members == nullptr) return invalid("the body is not a JSON object");
  for (const auto& [name, value] : *members) {
    TRY(read_member(name, value, selection));
  }
  TRY(check_selection(selection));
  return selection;
}

HttpResponse replay(Services& services, const HttpRequest& request) {
  if (auto gone = missing(services, request)) return *gone;
  auto selection = read_selection(request.body);
  if (!selection) return error_response(selection.error(), request.request_id);
  auto report =
      services.ingestion.replay_letters(request.params.at("d"), *selection);
  if (!report) return error_response(report.error(), request.request_id);
  JsonWriter out;
  out.begin_object().field("replayed", report->replayed);
  out.field("rejected", report->rejected);
  out.key("errors").begin_array();
  for (const ReplayOutcome::Refusal& refusal : report->errors) {
    out.begin_object().field("id", std::string_view(refusal.id));
    out.field("reason", std::string_view(refusal.reason));
    out.field("message", std::string_view(refusal.message)).end_object();
  }
  out.end_array().end_object();
  return json_response(out.take());
}

// By query: a body of DELETE does not pass every proxy.
HttpResponse remove(Services& services, const HttpRequest& request) {
  if (auto gone = missing(services, request)) return *gone;
  LetterSelection selection;
  for (const auto& [name, value] : request.query) {
    if (name == "id") {
      selection.letters.push_back({value});
    } else if (name == "reason") {
      selection.reason = value;
    } else if (name == "all" && value == "true") {
      selection.all = true;
    } else {
      return error_response(
          invalid("unknown parameter '" + name + "=" + value +
                  "'; known are id (once or more), reason, all=true"),
          request.request_id);
    }
  }
  if (kinds(selection) != 1) {
    return error_response(
        invalid("say which dead letters, in one way: ?all=true, "
                "?reason=wrong_type, or ?id=log/0/12, once or more"),
        request.request_id);
  }
  auto removed =
      services.ingestion.remove_letters(request.params.at("d"), selection);
  if (!removed) return error_response(removed.error(), request.request_id);
  JsonWriter out;
  out.begin_object().field("removed", *removed).end_object();
  return json_response(out.take());
}

}  // namespace

void add_dead_letter_routes(Router& router, Services& services) {
  const std::string path = "/api/v1/ingestion/{d}/dead-letters";
  router.add("GET", path, Access::kRead,
             [&services](const HttpRequest& r) { return list(services, r); });
  router.add("DELETE", path, Access::kAdmin,
             [&services](const HttpRequest& r) { return remove(services, r); });
  router.add(
      "POST", path + "/replay", Access::kAdmin,
      [&services](const HttpRequest& r) { return replay(services, r); },
      kMaxBody);
}

}  // namespace freshet
