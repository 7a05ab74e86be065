// Bulk load, all or nothing by file.
//
// The rows gather in live segments that only this load knows. When they reach
// a bound they are written to spill files by a second thread while decoding
// goes on. At the end of the file everything is sealed, granule by granule,
// and committed in one step together with the file's name and hash; until then
// nothing is visible and a crash leaves nothing behind. A file that fits into
// the bound is never spilled.
#include "ingest/bulk_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "ingest/csv.h"
#include "ingest/field_value.h"
#include "ingest/file_reader.h"
#include "ingest/intake.h"
#include "ingest/spill.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kMaxOpenBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxDeadLetterMemory = 64 << 20;
constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kPartRecords = 2048;
constexpr size_t kMaxRecordBytes = 64 << 20;

// Cuts the text of a file into records: lines, or CSV records.
class RecordReader {
 public:
  RecordReader(std::unique_ptr<FileReader> file, bool csv)
      : file_(std::move(file)), csv_(csv) {}

  // Records of the next part of the file, without their line ends and without
  // blank ones; none at the end. Valid until the next call.
  Status next(std::vector<std::string_view>& records, size_t most) {
    records.clear();
    while (records.empty()) {
      cut(records, most);
      if (!records.empty() || (ended_ && begin_ == text_.size())) break;
      if (text_.size() - begin_ > kMaxRecordBytes) {
        return Error{ErrorCode::kLimit,
                     fmt::format("a record of the file is larger than {} bytes",
                                 kMaxRecordBytes)};
      }
      TRY(fill());
    }
    return {};
  }
  uint64_t file_bytes() const { return file_->file_bytes(); }

 private:
  Status fill() {
    text_.erase(0, begin_);
    begin_ = 0;
    size_t size = text_.size();
    text_.resize(size + kReadBytes);
    TRY_ASSIGN(size_t count,
               file_->read(std::span(text_.data() + size, kReadBytes)));
    text_.resize(size + count);
    ended_ = count == 0;
    if (!started_ && text_.size() >= 3) {
      started_ = true;
      if (text_.starts_with("\xEF\xBB\xBF")) begin_ = 3;
    }
    return {};
  }

  void cut(std::vector<std::string_view>& records, size_t most) {
    std::string_view text(text_);
    while (records.size() < most && begin_ < text.size()) {
      size_t end = std::string_view::npos;
      if (csv_) {
        end = csv_record_end(text, begin_);
      } else if (size_t at = text.find('\n', begin_); at != text.npos) {
        end = at + 1;
      }
      if (end == std::string_view::npos) {
        if (!ended_) return;
        end = text.size();
      }
      std::string_view record = trim(text.substr(begin_, end - begin_));
      begin_ = end;
      if (!record.empty()) records.push_back(record);
    }
  }

  const std::unique_ptr<FileReader> file_;
  const bool csv_;
  std::string text_;
  size_t begin_ = 0;
  bool started_ = false;
  bool ended_ = false;
};

// One file's way in.
class FileLoad {
 public:
  FileLoad(const IngestionSettings& settings, SegmentStore& store,
           const std::string& path,
           const std::function<void(const LoadProgress&)>& report,
           LoadProgress& progress)
      : settings_(settings),
        store_(store),
        path_(path),
        report_(report),
        progress_(progress),
        names_{"file/" + unpacked_name(path)},
        spill_(store.data_folder() + "/loading/" + settings.dataset,
               settings.decoder.schema, SealOptions{settings.sort_by}) {
    settings_.late_ms = -1;  // history is not late
  }
  ~FileLoad() {
    if (spilling_.valid()) spilling_.wait();
  }

  Status run();

 private:
  Status refuse_repeated();
  Status open();
  Status take(std::span<const std::string_view> records);
  Status spill();
  Status wait_for_spill();
  Status commit();
  void tell(bool always);

  IngestionSettings settings_;
  SegmentStore& store_;
  const std::string path_;
  const std::function<void(const LoadProgress&)>& report_;
  LoadProgress& progress_;
  const std::vector<PartitionName> names_;
  const LoadProgress before_ = progress_;
  std::string key_;  // under which the file is remembered
  std::unique_ptr<RecordReader> reader_;
  std::unique_ptr<Intake> intake_;
  std::vector<RawMessage> messages_;
  int64_t record_ = 0;  // number of the next record, from 0
  Timestamp watermark_ = kMinTimestamp;
  bool spilled_ = false;
  std::future<Status> spilling_;
  Clock::time_point next_report_;
  Spill spill_;
};

Status FileLoad::refuse_repeated() {
  TRY_ASSIGN(uint64_t hash, file_hash(path_));
  key_ = fmt::format("loaded/{}/{}/{:016x}", settings_.dataset,
                     path_.substr(path_.rfind('/') + 1), hash);
  TRY_ASSIGN(auto kept, store_.metadata().get(key_));
  if (!kept) return {};
  return Error{ErrorCode::kConflict, "the file is already loaded: " + path_};
}

Status FileLoad::open() {
  bool csv = unpacked_name(path_).ends_with(".csv");
  TRY_ASSIGN(auto file, FileReader::open(path_));
  reader_ = std::make_unique<RecordReader>(std::move(file), csv);
  std::unique_ptr<Decoder> decoder;
  if (csv) {
    std::vector<std::string_view> header;
    TRY(reader_->next(header, 1));
    if (header.empty()) return invalid("the file is empty: " + path_);
    TRY_ASSIGN(decoder, make_csv_decoder(settings_.decoder, header[0]));
    ++record_;
  } else {
    decoder = make_json_decoder(settings_.decoder);
  }
  intake_ = std::make_unique<Intake>(settings_, std::move(decoder),
                                     KeptCounts(), nullptr);
  return {};
}

Status FileLoad::run() {
  TRY(refuse_repeated());
  TRY(open());
  std::vector<std::string_view> records;
  for (;;) {
    TRY(reader_->next(records, kPartRecords));
    if (records.empty()) break;
    TRY(take(records));
    tell(false);
  }
  TRY(commit());
  tell(true);
  return {};
}

Status FileLoad::take(std::span<const std::string_view> records) {
  messages_.clear();
  for (std::string_view record : records) {
    RawMessage message;
    message.offset = record_++;
    message.value = record;
    messages_.push_back(message);
  }
  progress_.rows += intake_->take(messages_, names_, std::span(&watermark_, 1));
  if (intake_->dead_letter_bytes() > kMaxDeadLetterMemory) {
    return Error{
        ErrorCode::kLimit,
        fmt::format("{} records of the file are rejected, the first: {}: {}",
                    intake_->dead_letters().size(),
                    intake_->dead_letters()[0].message, path_)};
  }
  const Sinks& sinks = intake_->sinks();
  if (sinks.rows() < settings_.seal_rows &&
      sinks.bytes() < std::min(settings_.seal_bytes, kMaxOpenBytes)) {
    return {};
  }
  return spill();
}

Status FileLoad::spill() {
  TRY(wait_for_spill());
  spilled_ = true;
  spilling_ = std::async(
      std::launch::async,
      [this, live = intake_->sinks().take()] { return spill_.add(live); });
  return {};
}

Status FileLoad::wait_for_spill() {
  return spilling_.valid() ? spilling_.get() : Status();
}

Status FileLoad::commit() {
  Seal seal;
  seal.dataset = settings_.dataset;
  seal.options.sort_by = settings_.sort_by;
  if (spilled_) {
    TRY(spill());  // the rest
    TRY(wait_for_spill());
    TRY_ASSIGN(seal.live, spill_.segments(settings_.seal_rows));
  } else {
    seal.live = intake_->sinks().take();
  }
  for (const DeadLetter& letter : intake_->dead_letters()) {
    seal.puts.push_back(encode_dead_letter(settings_.dataset, letter));
  }
  tell(true);
  seal.puts.emplace_back(
      key_,
      fmt::format("rows {} rejected {} at {}", progress_.rows - before_.rows,
                  progress_.rejected - before_.rejected, to_iso8601(now())));
  TRY(store_.seal(seal));
  return {};
}

void FileLoad::tell(bool always) {
  if (!always && Clock::now() < next_report_) return;
  next_report_ = Clock::now() + std::chrono::milliseconds(100);
  progress_.bytes_read = before_.bytes_read + reader_->file_bytes();
  progress_.rejected = before_.rejected;
  for (const auto& [reason, count] : intake_->counts().rejected) {
    progress_.rejected += count;
  }
  if (report_) report_(progress_);
}

}  // namespace

Status bulk_load(const IngestionSettings& settings, SegmentStore& store,
                 const std::vector<std::string>& files,
                 const std::function<void(const LoadProgress&)>& report) {
  LoadProgress progress;
  for (const std::string& file : files) {
    TRY_ASSIGN(uint64_t size, file_size(file));
    progress.bytes_total += size;
  }
  for (const std::string& file : files) {
    FileLoad load(settings, store, file, report, progress);
    TRY(load.run());
  }
  return {};
}

}  // namespace freshet
