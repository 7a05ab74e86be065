#include "server/api/ingestion_accept.h"

#include <algorithm>
#include <span>
#include <utility>

#include "ingest/csv.h"
#include "ingest/decoder.h"
#include "ingest/field_value.h"
#include "server/http/ascii.h"

namespace freshet {
namespace {

constexpr size_t kMaxListedErrors = 100;
// Events decoded at a time, so that a large body needs little memory.
constexpr size_t kCheckBatch = 4096;

// "Text/CSV; charset=utf-8" -> "text/csv"
std::string media_type(std::string_view content_type) {
  return ascii_lower(trim(content_type.substr(0, content_type.find(';'))));
}

// Events are UTF-8, of which ASCII is a part.
Status check_charset(std::string_view content_type) {
  while (content_type.find(';') != std::string_view::npos) {
    content_type.remove_prefix(content_type.find(';') + 1);
    std::string_view parameter =
        trim(content_type.substr(0, content_type.find(';')));
    size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (ascii_lower(parameter.substr(0, equals)) != "charset") continue;
    std::string charset = ascii_lower(parameter.substr(equals + 1));
    std::erase(charset, '"');
    if (charset == "utf-8" || charset == "utf8" || charset == "us-ascii") {
      continue;
    }
    return Error{ErrorCode::kUnsupported,
                 "events are UTF-8, not charset " + shorten(charset)};
  }
  return {};
}

// Counts on: places are asked for from front to back.
class LineCounter {
 public:
  explicit LineCounter(const IncomingEvents& incoming) : incoming_(incoming) {}

  // As AcceptedEvents::LineError::line.
  uint64_t line_of(size_t event) {
    if (incoming_.begins.empty()) return event + 1;
    size_t begin = incoming_.begins[event];
    line_ += static_cast<uint64_t>(
        count_line_ends(incoming_.body.substr(counted_, begin - counted_)));
    counted_ = begin;
    return line_;
  }

 private:
  const IncomingEvents& incoming_;
  uint64_t line_ = 1;
  size_t counted_ = 0;  // bytes of the body before the line's event
};

// Events made from the body.
Result<IncomingEvents> made_events(CsvEvents made, const DecoderSpec& spec) {
  if (!made.header.empty()) {
    TRY(check_csv_header(made.header, spec, "the CSV header", "the dataset"));
  }
  IncomingEvents incoming;
  incoming.begins = std::move(made.begins);
  for (auto& [at, fault] : made.faults) incoming.faults[at] = std::move(fault);
  incoming.converted = std::make_unique<std::string>();
  std::vector<size_t> ends;
  for (const std::string& line : made.events) {
    incoming.converted->append(line);
    ends.push_back(incoming.converted->size());
  }
  size_t from = 0;
  for (size_t end : ends) {
    incoming.events.push_back(
        std::string_view(*incoming.converted).substr(from, end - from));
    from = end;
  }
  return incoming;
}

bool one_of(std::string_view type, std::initializer_list<const char*> types) {
  return std::ranges::any_of(types, [&](const char* t) { return type == t; });
}

std::vector<std::string> paths_of(const DecoderSpec& spec) {
  std::vector<std::string> paths = {spec.time.path};
  for (const FieldSpec& field : spec.fields) paths.push_back(field.path);
  return paths;
}

Result<IncomingEvents> split(const DecoderSpec& spec,
                             std::string_view content_type,
                             std::string_view body) {
  std::string type = media_type(content_type);
  if (spec.format == "csv") {
    if (type != "text/csv") {
      return Error{ErrorCode::kUnsupported,
                   "the dataset's events are text/csv, not " + type};
    }
    TRY_ASSIGN(auto records,
               csv_to_records(body, spec.csv_fields, spec.csv_delimiter));
    return made_events(std::move(records), spec);
  }
  bool document = spec.format == "xml" || !spec.registry.url.empty();
  if (document) {  // one event, as it is
    bool fits = spec.format == "xml"
                    ? one_of(type, {"application/xml", "text/xml"})
                    : one_of(type, {"application/avro", "avro/binary",
                                    "application/octet-stream"});
    if (!fits) {
      return Error{ErrorCode::kUnsupported,
                   "the dataset's events are " +
                       std::string(spec.format == "xml" ? "application/xml"
                                                        : "avro/binary") +
                       ", not " + type};
    }
    IncomingEvents incoming;
    incoming.events.push_back(body);
    return incoming;
  }
  if (type == "text/csv") {
    TRY_ASSIGN(auto lines, csv_to_json_events(body, paths_of(spec)));
    return made_events(std::move(lines), spec);
  }
  if (one_of(type, {"", "application/json", "application/x-ndjson",
                    "application/jsonl", "application/x-www-form-urlencoded",
                    "text/plain", "application/octet-stream"})) {
    IncomingEvents incoming;
    TRY_ASSIGN(incoming.events, split_json_events(body));
    if (is_json_array(body)) return incoming;
    for (std::string_view event : incoming.events) {
      incoming.begins.push_back(
          static_cast<size_t>(event.data() - body.data()));
    }
    return incoming;
  }
  return Error{ErrorCode::kUnsupported,
               "events are application/json, application/x-ndjson or text/csv, "
               "not " +
                   type};
}

// What ingestion will do with a stretch of events; used again for each.
class Check {
 public:
  Check(const IngestionSettings& settings, std::unique_ptr<Decoder> decoder,
        const IncomingEvents& incoming)
      : settings_(settings),
        faults_(incoming.faults),
        lines_(incoming),
        decoder_(std::move(decoder)),
        batch_(settings.decoder.schema) {}

  Status run(std::span<const std::string_view> events, uint64_t before,
             AcceptedEvents& answer) {
    batch_.clear();
    decoded_.clear();
    messages_.assign(events.size(), {});
    for (size_t i = 0; i < events.size(); ++i) messages_[i].value = events[i];
    TRY(decoder_->prepare(messages_));
    decoder_->decode(messages_, batch_, decoded_);
    if (settings_.transform) transform();
    std::vector<Rejection>& rejections = decoded_.rejections;
    std::stable_sort(rejections.begin(), rejections.end(),
                     [](const Rejection& a, const Rejection& b) {
                       return a.message < b.message;
                     });
    for (Rejection& rejection : rejections) {
      if (answer.errors.size() >= kMaxListedErrors) break;
      auto fault = faults_.find(before + rejection.message);
      answer.errors.push_back(
          {lines_.line_of(before + rejection.message),
           fault == faults_.end() ? std::move(rejection.text) : fault->second});
    }
    answer.rejected += rejections.size();
    answer.accepted += events.size() - rejections.size();
    return {};
  }

 private:
  void transform() {
    keep_.assign(batch_.num_rows(), 1);
    errors_.clear();
    settings_.transform->apply(batch_, keep_, errors_);
    std::ranges::stable_sort(errors_, {}, &Transform::RowError::row);
    uint32_t last = ~uint32_t{0};
    for (Transform::RowError& error : errors_) {
      if (!settings_.hinders(error, decoded_.operation(error.row))) continue;
      uint32_t event = decoded_.row_messages[error.row];
      if (event == last) continue;  // several rows of one event
      last = event;
      decoded_.rejections.push_back(
          {event, "expression", std::move(error.error.message)});
    }
  }

  const IngestionSettings& settings_;
  const std::map<size_t, std::string>& faults_;
  LineCounter lines_;
  std::unique_ptr<Decoder> decoder_;
  ColumnBatch batch_;
  std::vector<RawMessage> messages_;
  Decoded decoded_;
  std::vector<uint8_t> keep_;
  std::vector<Transform::RowError> errors_;
};

}  // namespace

Result<IncomingEvents> read_events(const DecoderSpec& spec,
                                   std::string_view content_type,
                                   std::string_view body) {
  TRY(check_charset(content_type));
  TRY_ASSIGN(IncomingEvents incoming, split(spec, content_type, body));
  incoming.body = body;
  return incoming;
}

Result<AcceptedEvents> check_events(const IngestionSettings& settings,
                                    const IncomingEvents& incoming) {
  AcceptedEvents answer;
  TRY_ASSIGN(auto decoder, make_decoder(settings.decoder));
  Check check(settings, std::move(decoder), incoming);
  std::span<const std::string_view> rest = incoming.events;
  for (uint64_t done = 0; !rest.empty();) {
    size_t count = std::min(rest.size(), kCheckBatch);
    TRY(check.run(rest.first(count), done, answer));
    done += count;
    rest = rest.subspan(count);
  }
  return answer;
}

}  // namespace freshet
