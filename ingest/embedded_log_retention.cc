#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/embedded_log_rocks.h"
#include "segments/disk_room.h"

namespace freshet {
namespace {

constexpr auto kSweepEvery = absl::Seconds(30);

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
    spdlog::warn("{}", log_io_error("old records stay", status).message);
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

}  // namespace freshet
