#include "server/api/ingestion_accept.h"

#include <utility>

#include "ingest/csv.h"
#include "ingest/decoder.h"

namespace freshet {
namespace {

constexpr size_t kMaxListedErrors = 100;
// Events decoded at a time, so that a large body needs little memory.
constexpr size_t kCheckBatch = 4096;

// "text/csv; charset=utf-8" -> "text/csv"
std::string_view media_type(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return type;
}

Result<IncomingEvents> read_csv(std::string_view body) {
  TRY_ASSIGN(std::vector<std::string> lines, csv_to_json_events(body));
  IncomingEvents incoming;
  incoming.converted = std::make_unique<std::string>();
  std::vector<size_t> ends;
  for (const std::string& line : lines) {
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

}  // namespace

Result<IncomingEvents> read_events(std::string_view content_type,
                                   std::string_view body) {
  std::string_view type = media_type(content_type);
  if (type == "text/csv") return read_csv(body);
  for (std::string_view known :
       {"", "application/json", "application/x-ndjson", "application/jsonl",
        "application/x-www-form-urlencoded", "text/plain",
        "application/octet-stream"}) {
    if (type != known) continue;
    IncomingEvents incoming;
    TRY_ASSIGN(incoming.events, split_json_events(body));
    return incoming;
  }
  return Error{ErrorCode::kUnsupported,
               "events are application/json, application/x-ndjson or text/csv, "
               "not " + std::string(type)};
}

AcceptedEvents check_events(const DecoderSpec& spec,
                            const IncomingEvents& incoming) {
  AcceptedEvents answer;
  auto decoder = make_json_decoder(spec);
  ColumnBatch batch(spec.schema);
  std::vector<uint32_t> row_messages;
  std::vector<Rejection> rejections;
  std::span<const std::string_view> rest = incoming.events;
  for (uint64_t done = 0; !rest.empty();) {
    size_t count = std::min(rest.size(), kCheckBatch);
    batch.clear();
    row_messages.clear();
    rejections.clear();
    decoder->decode(rest.first(count), batch, row_messages, rejections);
    for (Rejection& rejection : rejections) {
      if (answer.errors.size() >= kMaxListedErrors) break;
      answer.errors.push_back(
          {done + rejection.message + 1, std::move(rejection.text)});
    }
    answer.rejected += rejections.size();
    answer.accepted += count - rejections.size();
    done += count;
    rest = rest.subspan(count);
  }
  return answer;
}

}  // namespace freshet
