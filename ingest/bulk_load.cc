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
#include <set>

#include "ingest/bulk_keys.h"
#include "ingest/csv.h"
#include "ingest/file_reader.h"
#include "ingest/file_records.h"
#include "ingest/intake.h"
#include "ingest/spill.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kMaxOpenBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxDeadLetterMemory = 64 << 20;
constexpr size_t kPartRecords = 2048;

// Events that a function makes, one at a time.
class MadeRecords : public Records {
 public:
  explicit MadeRecords(const std::function<bool(std::string&)>& make)
      : make_(make) {}

  Status next(std::vector<std::string_view>& records, size_t most) override {
    records.clear();
    first_ = next_;
    events_.resize(most);
    while (records.size() < most && make_(events_[records.size()])) {
      bytes_ += events_[records.size()].size();
      records.push_back(events_[records.size()]);
    }
    next_ += static_cast<int64_t>(records.size());
    return {};
  }
  int64_t place(size_t i) const override {
    return first_ + static_cast<int64_t>(i);
  }
  const char* place_name() const override { return "record"; }
  uint64_t bytes_read() const override { return bytes_; }

 private:
  const std::function<bool(std::string&)>& make_;
  std::vector<std::string> events_;
  int64_t first_ = 0, next_ = 0;  // numbers, of those of the last next()
  uint64_t bytes_ = 0;
};

// Lines and records are counted from 1; the id of the dead letter has the
// number before.
std::string describe(const PartitionName& file, const DeadLetter& letter,
                     const Records& records) {
  return fmt::format("{} {} of {}: {}", records.place_name(), letter.offset + 1,
                     file.substr(file.find('/') + 1), letter.message);
}

// By which a file is told from others of its name.
Result<std::string> content_of(const std::string& path,
                               const std::function<Status()>& stopped) {
  TRY_ASSIGN(uint64_t hash, file_hash(path, stopped));
  return fmt::format("{:016x}", hash);
}

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
        names_{file_partition(name)},
        spill_(store.data_folder() + "/loading/" + settings.dataset,
               settings.decoder.schema, for_spilling(settings.seal)) {
    settings_.late_ms = -1;  // history is not late
  }
  // Of the dataset, in place of no keys.
  void use_keys(std::shared_ptr<SeenKeys> seen) { seen_ = std::move(seen); }
  ~Load() {
    if (spilling_.valid()) spilling_.wait();
  }

  Status run_file(const std::string& path);
  // As run_file, for a file that is watched for: see load_file().
  Status run_watched(const WatchedFile& file, KeptCounts counts);
  Status run_events(const std::string& name,
                    const std::function<bool(std::string&)>& next);
  const KeptCounts& counts() const { return counts_; }
  // What was refused is loaded already.
  bool repeated() const { return repeated_; }

 private:
  Status refuse_repeated(const std::string& path, std::string_view key);
  Status open(const std::string& path);
  Status look_at_header(const std::string& path);
  void start(std::unique_ptr<Decoder> decoder);
  Status run();
  Status take(std::span<const std::string_view> records);
  Status spill();
  Status wait_for_spill();
  Status refuse_useless() const;
  Status commit();
  void note_rejected();
  void tell(bool always);

  IngestionSettings settings_;
  SegmentStore& store_;
  const std::function<void(const LoadProgress&)>& report_;
  LoadProgress& progress_;
  const std::vector<PartitionName> names_;
  const LoadProgress before_ = progress_;
  std::string key_;      // under which the file is remembered
  std::string content_;  // hash of the file, of its dead letters
  std::shared_ptr<SeenKeys> seen_;
  KeptCounts counts_;
  bool keep_counts_ = false;
  bool refuses_useless_ = false;
  bool repeated_ = false;
  std::vector<std::pair<std::string, std::string>> puts_;
  std::function<Status()> stopped_, unchanged_;  // may be null
  std::unique_ptr<Records> reader_;
  std::vector<std::string> header_;
  std::string header_line_;
  Status header_fits_;
  std::vector<MessageHeader> message_headers_;  // of each record
  std::unique_ptr<Intake> intake_;
  std::vector<RawMessage> messages_;
  uint64_t taken_ = 0;  // records
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
  repeated_ = true;
  return Error{ErrorCode::kConflict, "already loaded: " + path};
}

void Load::start(std::unique_ptr<Decoder> decoder) {
  intake_ =
      std::make_unique<Intake>(settings_, std::move(decoder), counts_, nullptr);
  intake_->use_keys(seen_);
}

Status Load::open(const std::string& path) {
  TRY_ASSIGN(OpenedFile opened, open_event_file(path, settings_.decoder));
  reader_ = std::move(opened.records);
  header_ = std::move(opened.header);
  header_line_ = std::move(opened.header_line);
  if (!header_line_.empty()) message_headers_ = {{kCsvHeader, header_line_}};
  start(std::move(opened.decoder));
  return {};
}

Status Load::run_file(const std::string& path) {
  TRY_ASSIGN(content_, content_of(path, stopped_));
  TRY(refuse_repeated(path, path.substr(path.rfind('/') + 1) + "/" + content_));
  TRY(open(path));
  header_fits_ = look_at_header(path);
  refuses_useless_ = true;
  return run();
}

// Names that the dataset does not know, and columns that the file lacks, are
// told; with no column but the time it is the wrong file.
Status Load::look_at_header(const std::string& path) {
  if (header_.empty()) return {};
  const DecoderSpec& spec = settings_.decoder;
  TRY(check_csv_header(header_, spec, "the header of " + path,
                       "the dataset " + settings_.dataset));
  std::set<std::string> unknown(header_.begin(), header_.end());
  unknown.erase(spec.time.path);
  std::vector<std::string> missing;
  for (const FieldSpec& field : spec.fields) {
    if (!field.message.empty()) continue;
    const bool named = std::ranges::find(header_, field.path) != header_.end();
    unknown.erase(field.path);
    if (!named && !field.has_default) {
      missing.push_back(spec.schema->columns[field.column].name);
    }
  }
  if (!unknown.empty()) {
    progress_.notes.push_back(
        fmt::format("{} has names that the dataset {} does not know, which are "
                    "left out: {}",
                    path, settings_.dataset, fmt::join(unknown, ", ")));
  }
  if (!missing.empty()) {
    progress_.notes.push_back(
        fmt::format("{} lacks columns of the dataset {}, which are null: {}",
                    path, settings_.dataset, fmt::join(missing, ", ")));
  }
  return {};
}

Status Load::run_watched(const WatchedFile& file, KeptCounts counts) {
  stopped_ = file.stopped;
  TRY_ASSIGN(content_, content_of(file.path, stopped_));
  TRY(refuse_repeated(file.name, file.name + "/" + content_));
  counts_ = std::move(counts);
  keep_counts_ = true;
  puts_ = file.puts;
  unchanged_ = file.unchanged;
  TRY(open(file.path));
  TRY(look_at_header(file.name));
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
    if (stopped_) TRY(stopped_());
    tell(false);
  }
  if (unchanged_) TRY(unchanged_());
  tell(true);
  if (refuses_useless_) TRY(refuse_useless());  // which says more
  TRY(header_fits_);
  TRY(commit());
  tell(true);
  return {};
}

Status Load::refuse_useless() const {
  if (taken_ == 0 || intake_->dead_letters().size() < taken_) return {};
  LoadProgress here;
  here.rejected = taken_;
  here.reasons = intake_->counts().rejected;
  here.first_rejected =
      describe(names_[0], intake_->dead_letters()[0], *reader_);
  return invalid("no record of the file fits the dataset " + settings_.dataset +
                 ", so it is not loaded: " + here.rejections());
}

Status Load::take(std::span<const std::string_view> records) {
  messages_.clear();
  for (size_t i = 0; i < records.size(); ++i) {
    RawMessage message;
    message.partition_name = names_[0];
    message.offset = reader_->place(i);
    message.value = records[i];
    message.headers = message_headers_;
    messages_.push_back(message);
  }
  taken_ += records.size();
  TRY(intake_->prepare(messages_));
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
  for (DeadLetter& letter : intake_->take_dead_letters()) {
    letter.content = content_;
    seal.puts.push_back(encode_dead_letter(settings_.dataset, letter));
  }
  tell(true);
  if (keep_counts_) {
    KeptCounts& counts = intake_->counts();
    Timestamp& seen =
        counts.watermark.try_emplace("files", kMinTimestamp).first->second;
    seen = std::max(seen, watermark_);
    seal.puts.push_back(counts.encode(settings_.dataset));
    counts_ = counts;
  }
  seal.puts.insert(seal.puts.end(), puts_.begin(), puts_.end());
  seal.puts.emplace_back(
      key_,
      fmt::format("rows {} rejected {} at {}", progress_.rows - before_.rows,
                  progress_.rejected - before_.rejected, to_iso8601(now())));
  std::string note = unjudged_note(settings_);
  if (!note.empty()) seal.puts.emplace_back(std::move(note), "1");
  TRY(store_.seal(seal));
  return {};
}

void Load::note_rejected() {
  progress_.repeated = before_.repeated + intake_->counts().duplicates;
  progress_.rejected = before_.rejected;
  progress_.reasons = before_.reasons;
  for (const auto& [reason, count] : intake_->counts().rejected) {
    progress_.rejected += count;
    progress_.reasons[reason] += count;
  }
  if (progress_.first_rejected.empty() && !intake_->dead_letters().empty()) {
    progress_.first_rejected =
        describe(names_[0], intake_->dead_letters()[0], *reader_);
  }
}

void Load::tell(bool always) {
  if (!always && Clock::now() < next_report_) return;
  next_report_ = Clock::now() + std::chrono::milliseconds(100);
  progress_.bytes_read = before_.bytes_read + reader_->bytes_read();
  note_rejected();
  if (report_) report_(progress_);
}

}  // namespace

std::string LoadProgress::rejections() const {
  std::string text;
  for (const auto& [reason, count] : reasons) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, reason);
  }
  if (!first_rejected.empty()) text += "; the first, " + first_rejected;
  return text;
}

namespace {

// One after the other, until one cannot be loaded.
Status load_each(const IngestionSettings& settings, SegmentStore& store,
                 const std::vector<std::string>& files,
                 const std::function<void(const LoadProgress&)>& report,
                 LoadProgress& progress) {
  for (const std::string& file : files) {
    TRY_ASSIGN(uint64_t size, file_size(file));
    progress.bytes_total += size;
  }
  TRY_ASSIGN(std::shared_ptr<SeenKeys> seen, seen_before_load(settings, store));
  for (const std::string& file : files) {
    const LoadProgress before = progress;
    Load load(settings, store, unpacked_name(file), report, progress);
    load.use_keys(seen);
    Status loaded = load.run_file(file);
    if (loaded) {
      progress.loaded.push_back(file);
      continue;
    }
    progress = before;
    if (!load.repeated()) return loaded;
    progress.skipped.push_back(file);
    TRY_ASSIGN(uint64_t size, file_size(file));
    progress.bytes_read += size;
  }
  return {};
}

}  // namespace

Status bulk_load(const IngestionSettings& settings, SegmentStore& store,
                 const std::vector<std::string>& files,
                 const std::function<void(const LoadProgress&)>& report) {
  LoadProgress progress;
  Status loaded = load_each(settings, store, files, report, progress);
  Status judged = judge_loaded(settings, store);
  report(progress);
  TRY(loaded);
  return judged;
}

Result<KeptCounts> load_file(const IngestionSettings& settings,
                             SegmentStore& store, const WatchedFile& file,
                             KeptCounts counts, std::shared_ptr<SeenKeys> seen,
                             LoadProgress& progress) {
  const std::function<void(const LoadProgress&)> nobody;
  Load load(settings, store, unpacked_name(file.name), nobody, progress);
  load.use_keys(std::move(seen));
  TRY(load.run_watched(file, std::move(counts)));
  return load.counts();
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
