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

// Where the records of a load come from.
class Records {
 public:
  virtual ~Records() = default;
  // The next records, at most `most`, without line ends and blank ones; none at
  // the end. Valid until the next call.
  virtual Status next(std::vector<std::string_view>& records, size_t most) = 0;
  // How much was read, of the file's own bytes.
  virtual uint64_t bytes_read() const = 0;
};

// Events that a function makes, one at a time.
class MadeRecords : public Records {
 public:
  explicit MadeRecords(const std::function<bool(std::string&)>& make)
      : make_(make) {}

  Status next(std::vector<std::string_view>& records, size_t most) override {
    records.clear();
    events_.resize(most);
    while (records.size() < most && make_(events_[records.size()])) {
      bytes_ += events_[records.size()].size();
      records.push_back(events_[records.size()]);
    }
    return {};
  }
  uint64_t bytes_read() const override { return bytes_; }

 private:
  const std::function<bool(std::string&)>& make_;
  std::vector<std::string> events_;
  uint64_t bytes_ = 0;
};

// Cuts the text of a file into records: lines, or CSV records.
class FileRecords : public Records {
 public:
  FileRecords(std::unique_ptr<FileReader> file, bool csv)
      : file_(std::move(file)), csv_(csv) {}

  Status next(std::vector<std::string_view>& records, size_t most) override {
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
  uint64_t bytes_read() const override { return file_->file_bytes(); }

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

// Spilled pieces are read once more, as rows, and then gone.
SealOptions for_spilling(SealOptions options) {
  options.cubes.clear();
  if (options.rollup) options = {};  // it may sort by states
  return options;
}

// The way in of one file, or of one run of made events.
class Load {
 public:
  // `name` is that of the file, without folders and packing.
  Load(const IngestionSettings& settings, SegmentStore& store,
       const std::string& name,
       const std::function<void(const LoadProgress&)>& report,
       LoadProgress& progress)
      : settings_(settings),
        store_(store),
        report_(report),
        progress_(progress),
        names_{"file/" + name},
        spill_(store.data_folder() + "/loading/" + settings.dataset,
               settings.decoder.schema, for_spilling(settings.seal)) {
    settings_.late_ms = -1;  // history is not late
  }
  ~Load() {
    if (spilling_.valid()) spilling_.wait();
  }

  Status run_file(const std::string& path);
  Status run_events(const std::string& name,
                    const std::function<bool(std::string&)>& next);

 private:
  Status refuse_repeated(const std::string& path, std::string_view key);
  Status open(const std::string& path);
  void start(std::unique_ptr<Decoder> decoder);
  Status run();
  Status take(std::span<const std::string_view> records);
  Status spill();
  Status wait_for_spill();
  Status commit();
  void tell(bool always);

  IngestionSettings settings_;
  SegmentStore& store_;
  const std::function<void(const LoadProgress&)>& report_;
  LoadProgress& progress_;
  const std::vector<PartitionName> names_;
  const LoadProgress before_ = progress_;
  std::string key_;  // under which the file is remembered
  std::unique_ptr<Records> reader_;
  std::unique_ptr<Intake> intake_;
  std::vector<RawMessage> messages_;
  int64_t record_ = 0;  // number of the next record, from 0
  Timestamp watermark_ = kMinTimestamp;
  bool spilled_ = false;
  std::future<Status> spilling_;
  Clock::time_point next_report_;
  Spill spill_;
};

Status Load::refuse_repeated(const std::string& path, std::string_view key) {
  key_ = fmt::format("loaded/{}/{}", settings_.dataset, key);
  TRY_ASSIGN(auto kept, store_.metadata().get(key_));
  if (!kept) return {};
  return Error{ErrorCode::kConflict, "already loaded: " + path};
}

void Load::start(std::unique_ptr<Decoder> decoder) {
  intake_ = std::make_unique<Intake>(settings_, std::move(decoder),
                                     KeptCounts(), nullptr);
}

Status Load::open(const std::string& path) {
  bool csv = unpacked_name(path).ends_with(".csv");
  TRY_ASSIGN(auto file, FileReader::open(path));
  reader_ = std::make_unique<FileRecords>(std::move(file), csv);
  if (!csv) {
    TRY_ASSIGN(auto decoder, make_decoder(settings_.decoder));
    start(std::move(decoder));
    return {};
  }
  std::vector<std::string_view> header;
  TRY(reader_->next(header, 1));
  if (header.empty()) return invalid("the file is empty: " + path);
  TRY_ASSIGN(auto decoder, make_csv_decoder(settings_.decoder, header[0]));
  ++record_;
  start(std::move(decoder));
  return {};
}

Status Load::run_file(const std::string& path) {
  TRY_ASSIGN(uint64_t hash, file_hash(path));
  TRY(refuse_repeated(
      path, fmt::format("{}/{:016x}", path.substr(path.rfind('/') + 1), hash)));
  TRY(open(path));
  return run();
}

Status Load::run_events(const std::string& name,
                        const std::function<bool(std::string&)>& next) {
  TRY(refuse_repeated(name, name));
  reader_ = std::make_unique<MadeRecords>(next);
  start(make_json_decoder(settings_.decoder));
  return run();
}

Status Load::run() {
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

Status Load::take(std::span<const std::string_view> records) {
  messages_.clear();
  for (std::string_view record : records) {
    RawMessage message;
    message.partition_name = names_[0];
    message.offset = record_++;
    message.value = record;
    messages_.push_back(message);
  }
  TRY_ASSIGN(uint64_t rows,
             intake_->take(messages_, names_, std::span(&watermark_, 1)));
  progress_.rows += rows;
  if (intake_->dead_letter_bytes() > kMaxDeadLetterMemory) {
    return Error{ErrorCode::kLimit,
                 fmt::format("{} records of {} are rejected, the first: {}",
                             intake_->dead_letters().size(), names_[0],
                             intake_->dead_letters()[0].message)};
  }
  const Sinks& sinks = intake_->sinks();
  if (sinks.rows() < settings_.seal_rows &&
      sinks.bytes() < std::min(settings_.seal_bytes, kMaxOpenBytes)) {
    return {};
  }
  return spill();
}

Status Load::spill() {
  TRY(wait_for_spill());
  spilled_ = true;
  spilling_ = std::async(
      std::launch::async,
      [this, live = intake_->sinks().take()] { return spill_.add(live); });
  return {};
}

Status Load::wait_for_spill() {
  return spilling_.valid() ? spilling_.get() : Status();
}

Status Load::commit() {
  Seal seal;
  seal.dataset = settings_.dataset;
  seal.options = settings_.seal;
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

void Load::tell(bool always) {
  if (!always && Clock::now() < next_report_) return;
  next_report_ = Clock::now() + std::chrono::milliseconds(100);
  progress_.bytes_read = before_.bytes_read + reader_->bytes_read();
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
    Load load(settings, store, unpacked_name(file), report, progress);
    TRY(load.run_file(file));
  }
  return {};
}

Status bulk_load_events(
    const IngestionSettings& settings, SegmentStore& store,
    const std::string& name, const std::function<bool(std::string&)>& next,
    const std::function<void(const LoadProgress&)>& report) {
  LoadProgress progress;
  Load load(settings, store, name, report, progress);
  return load.run_events(name, next);
}

}  // namespace freshet
