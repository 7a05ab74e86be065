#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>

#include "ingest/embedded_log_rocks.h"
#include "segments/disk_room.h"
#include "segments/time.h"

namespace freshet {
namespace {

constexpr auto kSweepEvery = absl::Seconds(30);
// All of them are read, to find those that are a day old.
constexpr auto kSweepKeysEvery = absl::Minutes(10);

}  // namespace

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
  if (disk_shortage(folder_, 0)) return;  // a removal is a write, too
  std::vector<LogDataset> seen;
  bool keys = false;
  {
    MutexLock lock(mutex_);
    keys = steady_now() >= next_key_sweep_;
    if (keys) next_key_sweep_ = steady_now() + kSweepKeysEvery;
    for (const auto& [name, dataset] : datasets_) seen.push_back(*dataset);
  }
  for (const LogDataset& dataset : seen) {
    if (keys) sweep_keys(dataset.name);
    if (dataset.retention_ms < 0 && dataset.retention_bytes < 0) continue;
    for (uint32_t i = 0; i < dataset.partitions.size(); ++i) {
      sweep_partition(dataset, i);
    }
  }
}

uint64_t RocksLog::size_on_disk(const std::string& begin,
                                const std::string& end) {
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = false;  // guessed by the number of entries
  options.include_files = true;
  rocksdb::Range range(begin, end);
  uint64_t size = 0;
  auto status = db_->GetApproximateSizes(options, db_->DefaultColumnFamily(),
                                         &range, 1, &size);
  return status.ok() ? size : 0;
}

void RocksLog::sweep_partition(const LogDataset& dataset, uint32_t number) {
  const LogPartition& seen = dataset.partitions[number];
  int64_t cutoff = dataset.retention_ms < 0
                       ? std::numeric_limits<int64_t>::min()
                       : now().ms - dataset.retention_ms;
  std::string begin = log_entry_key(dataset.name, number, seen.low);
  std::string end = log_entry_key(dataset.name, number, seen.high);
  uint64_t excess = 0;  // bytes to be given back
  if (dataset.retention_bytes >= 0) {
    uint64_t share = static_cast<uint64_t>(dataset.retention_bytes) /
                     (dataset.in_order ? 1 : dataset.partitions.size());
    uint64_t size = size_on_disk(begin, end);
    excess = size > share ? size - share : 0;
  }
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
    if (next > seen.committed || next >= seen.high) break;
    if (time.ms >= cutoff && excess == 0) break;
    // Entries are compressed on disk, so this gives back less than the excess;
    // the next sweep goes on.
    excess -= std::min<uint64_t>(excess, at->value().size());
  }
  if (low <= seen.low) return;
  auto status =
      db_->DeleteRange(rocksdb::WriteOptions(), db_->DefaultColumnFamily(),
                       begin, log_entry_key(dataset.name, number, low));
  if (!status.ok()) {
    spdlog::warn("{}", log_io_error("old records stay", status).message);
    return;
  }
  MutexLock lock(mutex_);
  if (LogDataset* found = find(dataset.name)) {
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
    KeyedAnswer kept;
    if (read_log_answer({at->value().data(), at->value().size()}, kept) &&
        kept.time.ms < cutoff) {
      batch.Delete(at->key());
    }
  }
  if (batch.Count() > 0) {
    db_->Write(rocksdb::WriteOptions(), &batch).PermitUncheckedError();
  }
}

}  // namespace freshet
