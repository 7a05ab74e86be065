#include "ingest/log_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/log_entry.h"
#include "segments/mutex.h"

namespace freshet {
namespace {

// Of a poll, which takes more only where one entry is larger (a body of
// POST /ingest may have 64 MB).
constexpr size_t kPollBytes = 16 << 20;

class LogSource final : public Source {
 public:
  LogSource(LogReads& log, std::string dataset, bool looks)
      : log_(log), dataset_(std::move(dataset)), looks_(looks) {}

  Result<std::vector<PartitionBounds>> partitions() override {
    return log_.bounds(dataset_);
  }
  bool is_asked_for(const PartitionName& name) const override;
  Status assign(const std::vector<AssignedPartition>& partitions) override;
  Status poll(int64_t timeout_ms, size_t max_messages,
              MessageBatch& batch) override;
  Result<std::optional<StoredRecord>> read_one(const PartitionName& partition,
                                               int64_t offset) override;
  Result<int64_t> offset_at(const PartitionName& partition,
                            Timestamp time) override;
  void report_committed(const std::map<PartitionName, int64_t>& next) override;
  SourceStatus status() const override;
  bool tells_end() const override { return true; }
  const char* kind() const override { return "log"; }

 private:
  struct Assigned {
    uint32_t number = 0;
    PartitionName name;
    int64_t position = 0;
    bool stopped = false;
  };
  Status read_partition(uint32_t index, size_t max_messages, size_t max_bytes,
                        MessageBatch& batch);
  void stop(uint32_t index, Error error, MessageBatch& batch);
  void wait(int64_t timeout_ms);
  bool anything_new();

  LogReads& log_;
  const std::string dataset_;
  const bool looks_;
  std::vector<Assigned> assigned_;
  size_t first_ = 0;  // partition the next poll starts with
  // The bytes of the messages given out by the last poll.
  std::vector<std::pair<int64_t, std::string>> entries_;
  LogEntry entry_;
  std::vector<int64_t> highs_;
  std::vector<int64_t> waiting_;

  mutable Mutex mutex_;
  std::string error_ ABSL_GUARDED_BY(mutex_);
};

bool LogSource::is_asked_for(const PartitionName& name) const {
  auto number = parse_log_partition(name);
  std::vector<int64_t> highs;
  log_.highs(dataset_, highs);
  return number && *number < highs.size();
}

Status LogSource::assign(const std::vector<AssignedPartition>& partitions) {
  assigned_.clear();
  for (const AssignedPartition& partition : partitions) {
    TRY_ASSIGN(uint32_t number, parse_log_partition(partition.name));
    assigned_.push_back({number, partition.name, partition.next, false});
    if (looks_) continue;
    log_.set_read(dataset_, number, partition.next, 0);
    log_.rewind(dataset_, number, partition.next);
  }
  return {};
}

bool LogSource::anything_new() {
  log_.highs(dataset_, highs_);
  return std::ranges::any_of(assigned_, [&](const Assigned& a) {
    return !a.stopped && a.number < highs_.size() &&
           a.position < highs_[a.number];
  });
}

void LogSource::wait(int64_t timeout_ms) {
  log_.highs(dataset_, highs_);
  waiting_.assign(highs_.size(), -1);
  for (const Assigned& a : assigned_) {
    if (!a.stopped && a.number < waiting_.size()) {
      waiting_[a.number] = a.position;
    }
  }
  log_.wait(dataset_, waiting_, timeout_ms);
}

Status LogSource::poll(int64_t timeout_ms, size_t max_messages,
                       MessageBatch& batch) {
  batch.clear();
  entries_.clear();
  if (!anything_new()) wait(timeout_ms);
  log_.highs(dataset_, highs_);
  size_t bytes = 0, read = 0;  // of entries_, those that were counted
  for (size_t i = 0; i < assigned_.size(); ++i) {
    for (; read < entries_.size(); ++read)
      bytes += entries_[read].second.size();
    if (bytes >= kPollBytes) break;
    auto index = static_cast<uint32_t>((first_ + i) % assigned_.size());
    const Assigned& partition = assigned_[index];
    size_t left = max_messages - batch.messages.size();
    if (partition.stopped || left == 0) continue;
    if (partition.number >= highs_.size()) continue;
    if (partition.position > highs_[partition.number]) {
      stop(index,
           Error{ErrorCode::kCorrupt,
                 fmt::format("offset {} of {} lies behind the end of the log, "
                             "which was truncated or recreated; it ends at {}",
                             partition.position,
                             log_partition_name(partition.number),
                             highs_[partition.number])},
           batch);
    } else if (partition.position < highs_[partition.number]) {
      TRY(read_partition(index, left, kPollBytes - bytes, batch));
    }
  }
  if (!assigned_.empty()) first_ = (first_ + 1) % assigned_.size();
  batch.positions.clear();
  for (const Assigned& a : assigned_) batch.positions.push_back(a.position);
  return {};
}

void LogSource::stop(uint32_t index, Error error, MessageBatch& batch) {
  assigned_[index].stopped = true;
  {
    MutexLock lock(mutex_);
    error_ = error.message;
  }
  batch.faults.push_back({index, std::move(error)});
}

Status LogSource::read_partition(uint32_t index, size_t max_messages,
                                 size_t max_bytes, MessageBatch& batch) {
  Assigned& partition = assigned_[index];
  size_t before = entries_.size();
  // Views survive the growth of entries_: an entry is longer than the bytes a
  // std::string keeps inside itself.
  auto read = log_.read_entries(dataset_, partition.number, partition.position,
                                max_messages, max_bytes, entries_);
  if (!read) {
    if (read.error().code != ErrorCode::kCorrupt) return read.error();
    stop(index, read.error(), batch);
    return {};
  }
  if (entries_.size() == before) {
    stop(index,
         Error{ErrorCode::kNotFound,
               fmt::format("offset {} of {} is not in the log any more",
                           partition.position,
                           log_partition_name(partition.number))},
         batch);
    return {};
  }
  int64_t bytes = 0;
  for (size_t e = before; e < entries_.size(); ++e) {
    auto parsed = read_log_entry(entries_[e].second, entry_);
    if (!parsed) {
      stop(index, parsed.error(), batch);
      return {};
    }
    int64_t offset = entries_[e].first;
    for (const EmbeddedLog::Record& record : entry_.records) {
      int64_t at = offset++;
      if (at < partition.position || max_messages == 0) continue;
      --max_messages;
      RawMessage message;
      message.partition = index;
      message.partition_name = partition.name;
      message.offset = at;
      message.time = entry_.time;
      message.key = record.key;
      message.value = record.value;
      partition.position = at + 1;
      bytes += static_cast<int64_t>(record.value.size());
      batch.messages.push_back(message);
    }
  }
  if (!looks_) {
    log_.set_read(dataset_, partition.number, partition.position, bytes);
  }
  return {};
}

Result<std::optional<Source::StoredRecord>> LogSource::read_one(
    const PartitionName& partition, int64_t offset) {
  TRY_ASSIGN(uint32_t number, parse_log_partition(partition));
  std::vector<std::pair<int64_t, std::string>> entries;
  TRY(log_.read_entries(dataset_, number, offset, 1, 0, entries));
  if (entries.empty()) return std::optional<StoredRecord>();
  LogEntry entry;
  TRY(read_log_entry(entries[0].second, entry));
  auto at = static_cast<size_t>(offset - entries[0].first);
  if (at >= entry.records.size()) return std::optional<StoredRecord>();
  StoredRecord record;
  record.hash = record_hash(entry.records[at].key, entry.records[at].value);
  record.time = entry.time;
  return std::optional(record);
}

// Entries have the time of their append, in order.
Result<int64_t> LogSource::offset_at(const PartitionName& partition,
                                     Timestamp time) {
  TRY_ASSIGN(uint32_t number, parse_log_partition(partition));
  TRY_ASSIGN(auto bounds, log_.bounds(dataset_));
  if (number >= bounds.size()) {
    return Error{ErrorCode::kNotFound, "no such partition: " + partition};
  }
  int64_t low = bounds[number].low, high = bounds[number].high;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    std::vector<std::pair<int64_t, std::string>> entries;
    TRY(log_.read_entries(dataset_, number, middle, 1, 0, entries));
    if (entries.empty()) {  // gone meanwhile
      low = middle + 1;
      continue;
    }
    Timestamp appended;
    uint32_t records = 0;
    TRY(read_log_entry_head(entries[0].second, appended, records));
    if (appended < time) {
      low = entries[0].first + records;
    } else {
      high = std::max(low, entries[0].first);
    }
  }
  return low;
}

void LogSource::report_committed(const std::map<PartitionName, int64_t>& next) {
  for (const auto& [partition, offset] : next) {
    auto number = parse_log_partition(partition);
    if (number) log_.set_committed(dataset_, *number, offset);
  }
}

SourceStatus LogSource::status() const {
  SourceStatus status;
  status.connected = true;
  std::vector<int64_t> highs;
  log_.highs(dataset_, highs);
  for (uint32_t i = 0; i < highs.size(); ++i) {
    status.high[log_partition_name(i)] = highs[i];
  }
  MutexLock lock(mutex_);
  status.error = error_;
  return status;
}

}  // namespace

Result<uint32_t> parse_log_partition(const PartitionName& name) {
  if (name.size() < 5 || name.size() > 13 || !name.starts_with("log/")) {
    return invalid("not the name of a log partition: " + name);
  }
  uint32_t number = 0;
  for (char c : name.substr(4)) {
    if (c < '0' || c > '9') {
      return invalid("not the name of a log partition: " + name);
    }
    number = number * 10 + static_cast<uint32_t>(c - '0');
  }
  return number;
}

PartitionName log_partition_name(uint32_t partition) {
  return fmt::format("log/{}", partition);
}

std::unique_ptr<Source> make_log_source(LogReads& log, std::string dataset,
                                        bool looks) {
  return std::make_unique<LogSource>(log, std::move(dataset), looks);
}

}  // namespace freshet
