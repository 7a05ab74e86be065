#include "ingest/embedded_log.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "ingest/log_entry.h"
#include "ingest/log_source.h"
#include "segments/metadata_store_log.h"
#include "segments/mutex.h"

namespace freshet {
namespace {

constexpr uint32_t kMaxPartitions = 1024;
constexpr size_t kEntryRecords = 4096;
constexpr size_t kEntryBytes = 1 << 20;
constexpr size_t kMaxKeyBytes = 64 << 10;
constexpr int64_t kIdempotencyMs = int64_t{24} * 3600 * 1000;
constexpr auto kSweepEvery = absl::Seconds(30);

Error io_error(std::string_view what, const rocksdb::Status& status) {
  ErrorCode code = status.IsCorruption() ? ErrorCode::kCorrupt : ErrorCode::kIo;
  return Error{code,
               fmt::format("embedded log: {}: {}", what, status.ToString())};
}

struct LogPartition {
  int64_t low = 0;        // first offset still there
  int64_t high = 0;       // one past the newest durable record
  int64_t read = 0;       // the reader's place
  int64_t committed = 0;  // durable elsewhere
};

struct LogDataset {
  std::string name;
  int64_t retention_ms = -1;
  int64_t unread_bytes = 0;   // appended minus read since the log was opened
  uint64_t next_keyless = 0;  // round robin
  std::vector<LogPartition> partitions;
};

// One append() on its way through the group commit.
struct PendingAppend {
  LogDataset* dataset = nullptr;
  struct Part {
    uint32_t partition;
    LogEntryBuilder entry;
  };
  std::vector<Part> parts;
  int64_t bytes = 0;
  std::string idempotency_key;
  bool done = false;
  Status result;
  LogAnswer answer;
};

class RocksLog final : public EmbeddedLog, public LogReads {
 public:
  RocksLog(std::unique_ptr<rocksdb::DB> db, EmbeddedLogLimits limits)
      : limits_(limits), db_(std::move(db)) {}
  ~RocksLog() override;
  Status recover();

  Status declare(const std::string& dataset, uint32_t partitions,
                 int64_t retention_ms) override;
  Result<LogAnswer> append(const std::string& dataset,
                           std::span<const Record> records,
                           std::string_view idempotency_key) override;
  Result<std::unique_ptr<Source>> open_source(
      const std::string& dataset) override;

  Result<std::vector<PartitionBounds>> bounds(
      const std::string& dataset) override;
  void highs(const std::string& dataset, std::vector<int64_t>& highs) override;
  Status read_entries(
      const std::string& dataset, uint32_t partition, int64_t offset,
      size_t max_records,
      std::vector<std::pair<int64_t, std::string>>& out) override;
  void wait(const std::string& dataset, std::span<const int64_t> positions,
            int64_t timeout_ms) override;
  void set_read(const std::string& dataset, uint32_t partition, int64_t next,
                int64_t bytes) override;
  void set_committed(const std::string& dataset, uint32_t partition,
                     int64_t next) override;

 private:
  LogDataset* find(const std::string& dataset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status recover_dataset(LogDataset& dataset);
  Status recover_partition(const std::string& dataset, uint32_t number,
                           LogPartition& partition);
  Status check_room(const LogDataset& dataset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void build_parts(std::span<const Record> records, size_t partitions,
                   uint64_t keyless, PendingAppend& pending);
  void lead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status write_group(std::span<PendingAppend* const> group);
  Result<bool> answered_before(PendingAppend& pending);
  void publish(PendingAppend& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void sweep_forever();
  void sweep();
  void sweep_partition(const std::string& dataset, uint32_t number,
                       int64_t retention_ms, LogPartition seen);
  void sweep_keys(const std::string& dataset);

  const EmbeddedLogLimits limits_;
  const std::unique_ptr<rocksdb::DB> db_;

  Mutex mutex_;
  CondVar written_;   // a group was written, or a leader is wanted
  CondVar appended_;  // some partition's high has grown
  CondVar stopped_;
  std::map<std::string, std::unique_ptr<LogDataset>> datasets_
      ABSL_GUARDED_BY(mutex_);
  std::vector<PendingAppend*> queue_ ABSL_GUARDED_BY(mutex_);
  bool leading_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Offsets given out by the leader, by dataset and partition; only the one
  // leader of the moment touches it.
  std::map<std::pair<LogDataset*, uint32_t>, int64_t> assigned_;
  std::thread sweeper_;
};

RocksLog::~RocksLog() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stopped_.signal_all();
  }
  if (sweeper_.joinable()) sweeper_.join();
}

LogDataset* RocksLog::find(const std::string& dataset) {
  auto found = datasets_.find(dataset);
  return found == datasets_.end() ? nullptr : found->second.get();
}

Status RocksLog::recover() {
  std::unique_ptr<rocksdb::Iterator> at(
      db_->NewIterator(rocksdb::ReadOptions()));
  for (at->Seek("d"); at->Valid() && at->key().starts_with("d"); at->Next()) {
    auto dataset = std::make_unique<LogDataset>();
    std::string_view key(at->key().data(), at->key().size());
    dataset->name = key.substr(1, key.size() - 2);
    int64_t numbers[2];
    TRY(read_log_numbers({at->value().data(), at->value().size()}, numbers));
    dataset->partitions.resize(static_cast<size_t>(numbers[0]));
    dataset->retention_ms = numbers[1];
    TRY(recover_dataset(*dataset));
    MutexLock lock(mutex_);
    datasets_[dataset->name] = std::move(dataset);
  }
  if (!at->status().ok()) return io_error("cannot be read", at->status());
  sweeper_ = std::thread([this] { sweep_forever(); });
  return {};
}

Status RocksLog::recover_dataset(LogDataset& dataset) {
  for (uint32_t i = 0; i < dataset.partitions.size(); ++i) {
    TRY(recover_partition(dataset.name, i, dataset.partitions[i]));
  }
  return {};
}

Status RocksLog::recover_partition(const std::string& dataset, uint32_t number,
                                   LogPartition& partition) {
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  std::string first = log_entry_key(dataset, number, 0);
  std::unique_ptr<rocksdb::Iterator> at(
      db_->NewIterator(rocksdb::ReadOptions()));
  at->SeekForPrev(log_entry_key(dataset, number, kLast));
  if (at->Valid() && at->key().compare(first) >= 0) {
    Timestamp time;
    uint32_t records = 0;
    TRY(read_log_entry_head({at->value().data(), at->value().size()}, time,
                            records));
    partition.high =
        log_offset_of({at->key().data(), at->key().size()}) + records;
    at->Seek(first);
    if (at->Valid()) {
      partition.low = log_offset_of({at->key().data(), at->key().size()});
    }
  }
  if (!at->status().ok()) return io_error("cannot be read", at->status());
  std::string committed;
  auto status = db_->Get(rocksdb::ReadOptions(),
                         log_committed_key(dataset, number), &committed);
  if (status.ok()) {
    TRY(read_log_numbers(committed, std::span(&partition.committed, 1)));
  } else if (!status.IsNotFound()) {
    return io_error("cannot be read", status);
  }
  partition.read = std::max(partition.committed, partition.low);
  return {};
}

Status RocksLog::declare(const std::string& dataset, uint32_t partitions,
                         int64_t retention_ms) {
  if (dataset.empty() || dataset.find('\0') != std::string::npos) {
    return invalid("not a dataset's name: " + dataset);
  }
  if (partitions == 0 || partitions > kMaxPartitions) {
    return invalid(fmt::format("partitions of a log must be 1 to {}: {}",
                               kMaxPartitions, partitions));
  }
  {
    MutexLock lock(mutex_);
    auto& known = datasets_[dataset];
    size_t before = known ? known->partitions.size() : 0;
    if (partitions < before) {
      return invalid(fmt::format(
          "the log of {} has {} partitions, which cannot shrink to {}", dataset,
          before, partitions));
    }
    int64_t numbers[2] = {partitions, retention_ms};
    rocksdb::WriteOptions synced;
    synced.sync = true;
    auto status =
        db_->Put(synced, log_prefix('d', dataset), encode_log_numbers(numbers));
    if (!status.ok()) {
      if (!known) datasets_.erase(dataset);
      return io_error("cannot be written", status);
    }
    if (!known) known = std::make_unique<LogDataset>();
    known->name = dataset;
    known->retention_ms = retention_ms;
    known->partitions.resize(partitions);
  }
  sweep();
  return {};
}

Status RocksLog::check_room(const LogDataset& dataset) {
  int64_t unread = 0;
  for (const LogPartition& partition : dataset.partitions) {
    unread += partition.high - partition.read;
  }
  if (unread < limits_.unread_records &&
      dataset.unread_bytes < limits_.unread_bytes) {
    return {};
  }
  return Error{ErrorCode::kLimit,
               fmt::format("{} events of {} wait to be read; try again later",
                           unread, dataset.name)};
}

void RocksLog::build_parts(std::span<const Record> records, size_t partitions,
                           uint64_t keyless, PendingAppend& pending) {
  std::vector<int> open(partitions, -1);
  for (const Record& record : records) {
    uint64_t hash = record.key.empty()
                        ? keyless
                        : XXH3_64bits(record.key.data(), record.key.size());
    auto partition = static_cast<uint32_t>(hash % partitions);
    int& part = open[partition];
    if (part < 0 ||
        pending.parts[static_cast<size_t>(part)].entry.records() >=
            kEntryRecords ||
        pending.parts[static_cast<size_t>(part)].entry.bytes() >= kEntryBytes) {
      part = static_cast<int>(pending.parts.size());
      pending.parts.push_back({partition, {}});
    }
    pending.parts[static_cast<size_t>(part)].entry.add(record);
    pending.bytes += static_cast<int64_t>(record.value.size());
  }
}

Result<LogAnswer> RocksLog::append(const std::string& dataset,
                                   std::span<const Record> records,
                                   std::string_view idempotency_key) {
  if (idempotency_key.size() > kMaxKeyBytes) {
    return invalid("the idempotency key is too long");
  }
  PendingAppend pending;
  pending.idempotency_key = idempotency_key;
  size_t partitions = 0;
  uint64_t keyless = 0;
  {
    MutexLock lock(mutex_);
    pending.dataset = find(dataset);
    if (pending.dataset == nullptr) {
      return Error{ErrorCode::kNotFound, "no log for dataset " + dataset};
    }
    TRY(check_room(*pending.dataset));
    partitions = pending.dataset->partitions.size();
    keyless = pending.dataset->next_keyless++;
  }
  build_parts(records, partitions, keyless, pending);
  MutexLock lock(mutex_);
  queue_.push_back(&pending);
  while (!pending.done) {
    if (leading_) {
      written_.wait(mutex_);
    } else {
      lead();
    }
  }
  TRY(pending.result);
  return std::move(pending.answer);
}

// Group commit: whoever finds no leader writes all that wait, with one sync.
void RocksLog::lead() {
  leading_ = true;
  std::vector<PendingAppend*> group;
  group.swap(queue_);
  for (PendingAppend* pending : group) {
    for (const auto& part : pending->parts) {
      assigned_[{pending->dataset, part.partition}] =
          pending->dataset->partitions[part.partition].high;
    }
  }
  mutex_.unlock();
  Status status = write_group(group);
  mutex_.lock();
  for (PendingAppend* pending : group) {
    if (!status) pending->result = status;
    if (pending->result && !pending->answer.empty()) publish(*pending);
    pending->done = true;
  }
  assigned_.clear();
  leading_ = false;
  written_.signal_all();
  appended_.signal_all();
}

// Runs without the lock; only the leader is here.
Status RocksLog::write_group(std::span<PendingAppend* const> group) {
  rocksdb::WriteBatch batch;
  Timestamp time = now();
  std::map<std::pair<LogDataset*, std::string>, PendingAppend*> keys;
  for (PendingAppend* pending : group) {
    std::pair key(pending->dataset, pending->idempotency_key);
    bool keyed = !pending->idempotency_key.empty();
    if (keyed) {
      if (auto same = keys.find(key); same != keys.end()) {
        pending->answer = same->second->answer;
        pending->parts.clear();
        continue;
      }
      TRY_ASSIGN(bool before, answered_before(*pending));
      keys[key] = pending;
      if (before) continue;
    }
    for (auto& part : pending->parts) {
      int64_t& next = assigned_[{pending->dataset, part.partition}];
      int64_t base = next;
      next += part.entry.records();
      batch.Put(log_entry_key(pending->dataset->name, part.partition, base),
                part.entry.finish(time));
      pending->answer[log_partition_name(part.partition)] = next;
    }
    if (!keyed) continue;
    batch.Put(
        log_prefix('k', pending->dataset->name) + pending->idempotency_key,
        encode_log_answer(time, pending->answer));
  }
  if (batch.Count() == 0) return {};
  rocksdb::WriteOptions synced;
  synced.sync = true;
  auto status = db_->Write(synced, &batch);
  if (!status.ok()) {
    // After an error the store stays read-only until it is told to go on.
    db_->Resume().PermitUncheckedError();
    return io_error("events cannot be written", status);
  }
  return {};
}

Result<bool> RocksLog::answered_before(PendingAppend& pending) {
  std::string kept;
  auto status = db_->Get(
      rocksdb::ReadOptions(),
      log_prefix('k', pending.dataset->name) + pending.idempotency_key, &kept);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return io_error("cannot be read", status);
  Timestamp time;
  LogAnswer answer;
  TRY(read_log_answer(kept, time, answer));
  if (time.ms + kIdempotencyMs < now().ms) return false;
  pending.answer = std::move(answer);
  pending.parts.clear();
  return true;
}

void RocksLog::publish(PendingAppend& pending) {
  if (pending.parts.empty()) return;  // answered from before
  for (const auto& [name, next] : pending.answer) {
    auto number = parse_log_partition(name);
    LogPartition& partition = pending.dataset->partitions[*number];
    partition.high = std::max(partition.high, next);
  }
  pending.dataset->unread_bytes += pending.bytes;
}

Result<std::unique_ptr<Source>> RocksLog::open_source(
    const std::string& dataset) {
  MutexLock lock(mutex_);
  if (find(dataset) == nullptr) {
    return Error{ErrorCode::kNotFound, "no log for dataset " + dataset};
  }
  return make_log_source(*this, dataset);
}

Result<std::vector<PartitionBounds>> RocksLog::bounds(
    const std::string& dataset) {
  MutexLock lock(mutex_);
  LogDataset* found = find(dataset);
  if (found == nullptr) {
    return Error{ErrorCode::kNotFound, "no log for dataset " + dataset};
  }
  std::vector<PartitionBounds> bounds;
  for (uint32_t i = 0; i < found->partitions.size(); ++i) {
    bounds.push_back({log_partition_name(i), found->partitions[i].low,
                      found->partitions[i].high});
  }
  return bounds;
}

void RocksLog::highs(const std::string& dataset, std::vector<int64_t>& highs) {
  highs.clear();
  MutexLock lock(mutex_);
  LogDataset* found = find(dataset);
  if (found == nullptr) return;
  for (const LogPartition& partition : found->partitions) {
    highs.push_back(partition.high);
  }
}

Status RocksLog::read_entries(
    const std::string& dataset, uint32_t partition, int64_t offset,
    size_t max_records, std::vector<std::pair<int64_t, std::string>>& out) {
  int64_t high = 0;
  {
    MutexLock lock(mutex_);
    LogDataset* found = find(dataset);
    if (found == nullptr || partition >= found->partitions.size()) return {};
    // Not what a failed write may have left behind it.
    high = found->partitions[partition].high;
  }
  if (offset >= high) return {};
  std::string first = log_entry_key(dataset, partition, 0);
  std::string end = log_entry_key(dataset, partition, high);
  rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;
  options.readahead_size = 0;
  std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
  at->SeekForPrev(log_entry_key(dataset, partition, offset));
  if (at->Valid() && at->key().compare(first) < 0) return {};
  size_t records = 0;
  for (; at->Valid() && records < max_records; at->Next()) {
    int64_t base = log_offset_of({at->key().data(), at->key().size()});
    Timestamp time;
    uint32_t count = 0;
    TRY(read_log_entry_head({at->value().data(), at->value().size()}, time,
                            count));
    if (out.empty() || records == 0) {
      if (offset >= base + count) return {};  // gone
      records += static_cast<size_t>(base + count - offset);
    } else {
      records += count;
    }
    out.emplace_back(base, at->value().ToString());
  }
  if (!at->status().ok()) return io_error("cannot be read", at->status());
  return {};
}

void RocksLog::wait(const std::string& dataset,
                    std::span<const int64_t> positions, int64_t timeout_ms) {
  absl::Time deadline = absl::Now() + absl::Milliseconds(timeout_ms);
  MutexLock lock(mutex_);
  for (;;) {
    LogDataset* found = find(dataset);
    for (size_t i = 0; found && i < found->partitions.size(); ++i) {
      if (i < positions.size() && positions[i] >= 0 &&
          found->partitions[i].high > positions[i]) {
        return;
      }
    }
    absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return;
    appended_.wait_for(mutex_, left);
  }
}

void RocksLog::set_read(const std::string& dataset, uint32_t partition,
                        int64_t next, int64_t bytes) {
  MutexLock lock(mutex_);
  LogDataset* found = find(dataset);
  if (found == nullptr || partition >= found->partitions.size()) return;
  found->partitions[partition].read = next;
  // What was appended before the log was opened was never counted.
  found->unread_bytes = std::max<int64_t>(0, found->unread_bytes - bytes);
}

void RocksLog::set_committed(const std::string& dataset, uint32_t partition,
                             int64_t next) {
  {
    MutexLock lock(mutex_);
    LogDataset* found = find(dataset);
    if (found == nullptr || partition >= found->partitions.size()) return;
    int64_t& committed = found->partitions[partition].committed;
    if (next <= committed) return;
    committed = next;
  }
  // Not synced: if it is lost, old records stay a little longer.
  auto status =
      db_->Put(rocksdb::WriteOptions(), log_committed_key(dataset, partition),
               encode_log_numbers(std::span(&next, 1)));
  if (!status.ok()) {
    spdlog::warn("{}", io_error("cannot be written", status).message);
  }
}

void RocksLog::sweep_forever() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) stopped_.wait_for(mutex_, kSweepEvery);
      if (stopping_) return;
    }
    sweep();
  }
}

void RocksLog::sweep() {
  std::vector<LogDataset> seen;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, dataset] : datasets_) seen.push_back(*dataset);
  }
  for (const LogDataset& dataset : seen) {
    sweep_keys(dataset.name);
    if (dataset.retention_ms < 0) continue;
    for (uint32_t i = 0; i < dataset.partitions.size(); ++i) {
      sweep_partition(dataset.name, i, dataset.retention_ms,
                      dataset.partitions[i]);
    }
  }
}

void RocksLog::sweep_partition(const std::string& dataset, uint32_t number,
                               int64_t retention_ms, LogPartition seen) {
  int64_t cutoff = now().ms - retention_ms;
  std::string begin = log_entry_key(dataset, number, seen.low);
  std::string end = log_entry_key(dataset, number, seen.high);
  rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  options.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
  int64_t low = seen.low;
  for (at->Seek(begin); at->Valid(); at->Next()) {
    Timestamp time;
    uint32_t records = 0;
    if (!read_log_entry_head({at->value().data(), at->value().size()}, time,
                             records)) {
      break;
    }
    int64_t base = log_offset_of({at->key().data(), at->key().size()});
    low = base;
    int64_t next = base + records;
    // The newest entry stays: it says where the partition goes on, and the
    // last record read is compared with it after a restart.
    if (time.ms >= cutoff || next > seen.committed || next >= seen.high) break;
  }
  if (low <= seen.low) return;
  auto status =
      db_->DeleteRange(rocksdb::WriteOptions(), db_->DefaultColumnFamily(),
                       begin, log_entry_key(dataset, number, low));
  if (!status.ok()) {
    spdlog::warn("{}", io_error("old records stay", status).message);
    return;
  }
  MutexLock lock(mutex_);
  if (LogDataset* found = find(dataset)) {
    found->partitions[number].low =
        std::max(found->partitions[number].low, low);
  }
}

void RocksLog::sweep_keys(const std::string& dataset) {
  std::string prefix = log_prefix('k', dataset);
  int64_t cutoff = now().ms - kIdempotencyMs;
  std::unique_ptr<rocksdb::Iterator> at(
      db_->NewIterator(rocksdb::ReadOptions()));
  rocksdb::WriteBatch batch;
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix);
       at->Next()) {
    Timestamp time;
    LogAnswer answer;
    if (read_log_answer({at->value().data(), at->value().size()}, time,
                        answer) &&
        time.ms < cutoff) {
      batch.Delete(at->key());
    }
  }
  if (batch.Count() > 0) {
    db_->Write(rocksdb::WriteOptions(), &batch).PermitUncheckedError();
  }
}

}  // namespace

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::open(
    const std::string& folder, EmbeddedLogLimits limits) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = 64 << 20;
  options.max_background_jobs = 2;
  options.info_log = std::make_shared<QuietRocksLog>();
  options.compression = rocksdb::kLZ4Compression;
  options.max_total_wal_size = uint64_t{256} << 20;
  // Not the default, which drops what follows a damaged record without a word:
  // offsets would be given out twice.
  options.wal_recovery_mode =
      rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::DB* raw = nullptr;
  auto status = rocksdb::DB::Open(options, folder, &raw);
  if (!status.ok()) {
    std::string text = status.ToString();
    bool busy = text.find("lock") != std::string::npos ||
                text.find("LOCK") != std::string::npos;
    bool damaged = status.IsCorruption();
    return Error{busy      ? ErrorCode::kConflict
                 : damaged ? ErrorCode::kCorrupt
                           : ErrorCode::kIo,
                 fmt::format("the embedded log cannot be opened ({}): {}", text,
                             folder)};
  }
  auto log =
      std::make_unique<RocksLog>(std::unique_ptr<rocksdb::DB>(raw), limits);
  TRY(log->recover());
  return std::unique_ptr<EmbeddedLog>(std::move(log));
}

}  // namespace freshet
