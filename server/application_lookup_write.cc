// Rows of a lookup that come over HTTP.
#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>

#include "server/api/ingestion_accept.h"
#include "server/application_lookup.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr size_t kMaxListedErrors = 100;
// Rows decoded at a time.
constexpr size_t kDecodeBatch = 4096;

// The member of a JSON object that a path begins with.
std::string first_member(const std::string& path) {
  return path.substr(0, path.find_first_of(".["));
}

const std::string& path_of(const ColumnModel& column) {
  return column.path.empty() ? column.name : column.path;
}

}  // namespace

Error KeptLookup::foreign_source() const {
  bool files = std::holds_alternative<FilesSourceModel>(lookup_.rows.source);
  return Error{
      ErrorCode::kConflict,
      fmt::format("the rows of lookup {} come from {} and cannot be "
                  "set (see {})",
                  lookup_.name, files ? "files" : "Kafka", lookup_.file)};
}

// A name that is none of the lookup's is most likely misspelled.
Status KeptLookup::check_columns(std::string_view event, uint64_t row) const {
  TRY_ASSIGN(JsonValue value, parse_json(event));
  const JsonObject* members = value.as_object();
  if (members == nullptr) return {};  // the decoder says what is wrong
  for (const auto& [name, ignored] : *members) {
    std::vector<std::string> known;
    for (const ColumnModel& column : lookup_.rows.columns) {
      if (!column.derived) known.push_back(first_member(path_of(column)));
    }
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string near = nearest_name(name, known);
    return invalid(fmt::format(
        "row {}: lookup {} has no column '{}'{}", row, lookup_.name, name,
        near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  return {};
}

Result<LookupWrite> KeptLookup::write(bool replaces,
                                      std::string_view content_type,
                                      std::string_view body) {
  if (!lookup_.over_http) return foreign_source();
  TRY_ASSIGN(IncomingEvents incoming,
             read_events(settings().decoder, content_type, body));
  return write_events(replaces, incoming.events);
}

Result<LookupWrite> KeptLookup::write_events(
    bool replaces, const std::vector<std::string_view>& events) {
  LookupSettings settings = this->settings();
  TRY_ASSIGN(auto decoder, LookupDecoder::create(settings));
  LookupWrite answer;
  LookupChange change;
  change.replaces = replaces;
  std::vector<RawMessage> messages;
  std::vector<Rejection> rejections;
  for (size_t done = 0; done < events.size(); done += messages.size()) {
    messages.assign(std::min(kDecodeBatch, events.size() - done), {});
    for (size_t i = 0; i < messages.size(); ++i) {
      messages[i].value = events[done + i];
      messages[i].time = now();
      TRY(check_columns(events[done + i], done + i + 1));
    }
    rejections.clear();
    decoder->decode(messages, change.entries, rejections);
    std::ranges::stable_sort(rejections, {}, &Rejection::message);
    for (Rejection& rejection : rejections) {
      if (++answer.rejected > kMaxListedErrors) continue;
      answer.errors.push_back(
          {done + rejection.message + 1, std::move(rejection.text)});
    }
  }
  answer.rows = events.size();
  absl::flat_hash_set<std::string_view> keys;
  for (const LookupEntry& entry : change.entries) keys.insert(entry.key);
  answer.repeated = change.entries.size() - keys.size();
  MutexLock lock(write_mutex_);
  if (answer.rejected == 0 && (replaces || !change.entries.empty())) {
    TRY(this->change(change, true));
  }
  answer.keys = table()->num_rows();
  return answer;
}

Result<LookupWrite> KeptLookup::write_row(std::string_view key,
                                          std::string_view body) {
  if (!lookup_.over_http) return foreign_source();
  auto named =
      std::ranges::find(lookup_.rows.columns, lookup_.key, &ColumnModel::name);
  const std::string& path = path_of(*named);
  if (first_member(path) != path || named->derived) {
    return Error{ErrorCode::kUnsupported,
                 "the key of lookup " + lookup_.name +
                     " is no plain member of its rows: send whole rows"};
  }
  TRY_ASSIGN(JsonValue value, parse_json(body));
  const JsonObject* members = value.as_object();
  if (members == nullptr) {
    return invalid(fmt::format("a row is a JSON object, not {} {}",
                               value.type_name(), body.substr(0, 80)));
  }
  std::string event(body);
  if (value.find(path) == nullptr) {
    JsonWriter quoted_path, quoted_key;
    quoted_path.value(path);
    quoted_key.value(key);
    event.insert(event.find('{') + 1, quoted_path.text() + ":" +
                                          quoted_key.text() +
                                          (members->empty() ? "" : ","));
  }
  TRY_ASSIGN(auto decoder, LookupDecoder::create(settings()));
  RawMessage message;
  message.value = event;
  std::vector<LookupEntry> entries;
  std::vector<Rejection> rejections;
  decoder->decode(std::span<const RawMessage>(&message, 1), entries,
                  rejections);
  if (entries.size() == 1 && entries[0].key != key) {
    return invalid(fmt::format("the row is of another key than '{}': {}", key,
                               entries[0].key));
  }
  return write_events(false, {event});
}

Status KeptLookup::remove_row(std::string_view key) {
  if (!lookup_.over_http) return foreign_source();
  MutexLock lock(write_mutex_);
  LookupChange change;
  change.entries.push_back({std::string(key), std::nullopt, {}});
  TRY_ASSIGN(auto edit, edit_of(change.entries[0]));
  bool same = edit.key.to_text() == key;  // "07" is no long's text
  if (!same || table()->keys().find(edit.key) == KeyIndex::kNone) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("lookup {} has no key '{}'", lookup_.name, key)};
  }
  return this->change(change, true);
}

}  // namespace freshet
