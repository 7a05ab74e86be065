#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/embedded_log_rocks.h"
#include "segments/disk_room.h"
#include "segments/time.h"

namespace freshet {

Result<std::unique_ptr<Source>> RocksLog::open_source(
    const std::string& dataset, bool looks) {
  MutexLock lock(mutex_);
  if (find(dataset) == nullptr) {
    return Error{ErrorCode::kNotFound, "no log for dataset " + dataset};
  }
  return make_log_source(*this, dataset, looks);
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
    size_t max_records, size_t max_bytes,
    std::vector<std::pair<int64_t, std::string>>& out) {
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
  size_t records = 0, bytes = 0;
  for (; at->Valid() && records < max_records; at->Next()) {
    bytes += at->value().size();
    if (records > 0 && bytes > max_bytes) break;
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
  if (!at->status().ok()) return log_io_error("cannot be read", at->status());
  return {};
}

void RocksLog::wait(const std::string& dataset,
                    std::span<const int64_t> positions, int64_t timeout_ms) {
  absl::Time deadline = steady_now() + absl::Milliseconds(timeout_ms);
  MutexLock lock(mutex_);
  for (;;) {
    LogDataset* found = find(dataset);
    for (size_t i = 0; found && i < found->partitions.size(); ++i) {
      if (i < positions.size() && positions[i] >= 0 &&
          found->partitions[i].high > positions[i]) {
        return;
      }
    }
    absl::Duration left = deadline - steady_now();
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
  write_committed(dataset, partition, next);
}

void RocksLog::rewind(const std::string& dataset, uint32_t partition,
                      int64_t next) {
  {
    MutexLock lock(mutex_);
    LogDataset* found = find(dataset);
    if (found == nullptr || partition >= found->partitions.size()) return;
    int64_t& committed = found->partitions[partition].committed;
    if (next >= committed) return;
    committed = next;
  }
  write_committed(dataset, partition, next);
}

void RocksLog::write_committed(const std::string& dataset, uint32_t partition,
                               int64_t next) {
  // Not synced: if it is lost, old records stay a little longer.
  if (disk_shortage(folder_, 0)) return;
  auto status =
      db_->Put(rocksdb::WriteOptions(), log_committed_key(dataset, partition),
               encode_log_numbers(std::span(&next, 1)));
  if (!status.ok()) {
    spdlog::warn("{}", log_io_error("cannot be written", status).message);
  }
}

}  // namespace freshet
