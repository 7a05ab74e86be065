#include "server/api/ingestion_accept.h"

#include <algorithm>
#include <span>
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
               "not " +
                   std::string(type)};
}

namespace {

// What ingestion will do with a stretch of events; used again for each.
class Check {
 public:
  Check(const IngestionSettings& settings)
      : settings_(settings),
        decoder_(make_json_decoder(settings.decoder)),
        batch_(settings.decoder.schema) {}

  void run(std::span<const std::string_view> events, uint64_t before,
           AcceptedEvents& answer) {
    batch_.clear();
    row_events_.clear();
    rejections_.clear();
    decoder_->decode(events, batch_, row_events_, rejections_);
    if (settings_.transform) transform();
    std::stable_sort(rejections_.begin(), rejections_.end(),
                     [](const Rejection& a, const Rejection& b) {
                       return a.message < b.message;
                     });
    for (Rejection& rejection : rejections_) {
      if (answer.errors.size() >= kMaxListedErrors) break;
      answer.errors.push_back(
          {before + rejection.message + 1, std::move(rejection.text)});
    }
    answer.rejected += rejections_.size();
    answer.accepted += events.size() - rejections_.size();
  }

 private:
  void transform() {
    keep_.assign(batch_.num_rows(), 1);
    errors_.clear();
    settings_.transform->apply(batch_, keep_, errors_);
    for (Transform::RowError& error : errors_) {
      rejections_.push_back({row_events_[error.row], "expression",
                             std::move(error.error.message)});
    }
  }

  const IngestionSettings& settings_;
  std::unique_ptr<Decoder> decoder_;
  ColumnBatch batch_;
  std::vector<uint32_t> row_events_;
  std::vector<Rejection> rejections_;
  std::vector<uint8_t> keep_;
  std::vector<Transform::RowError> errors_;
};

}  // namespace

AcceptedEvents check_events(const IngestionSettings& settings,
                            const IncomingEvents& incoming) {
  AcceptedEvents answer;
  Check check(settings);
  std::span<const std::string_view> rest = incoming.events;
  for (uint64_t done = 0; !rest.empty();) {
    size_t count = std::min(rest.size(), kCheckBatch);
    check.run(rest.first(count), done, answer);
    done += count;
    rest = rest.subspan(count);
  }
  return answer;
}

}  // namespace freshet
