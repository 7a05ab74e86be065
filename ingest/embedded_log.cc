#include <fmt/format.h>
#include <rocksdb/options.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <limits>

#include "ingest/embedded_log_rocks.h"
#include "segments/disk_room.h"
#include "segments/metadata_store_log.h"

namespace freshet {
namespace {

constexpr uint32_t kMaxPartitions = 1024;

}  // namespace

Error log_io_error(std::string_view what, const rocksdb::Status& status) {
  ErrorCode code = status.IsCorruption() ? ErrorCode::kCorrupt : ErrorCode::kIo;
  return Error{code,
               fmt::format("embedded log: {}: {}", what, status.ToString())};
}

Status RocksLog::checkpoint(const std::string& folder) {
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(folder);
  if (!status.ok()) return log_io_error("checkpoint " + folder, status);
  return {};
}

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
  if (!at->status().ok()) return log_io_error("cannot be read", at->status());
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
  if (!at->status().ok()) return log_io_error("cannot be read", at->status());
  std::string committed;
  auto status = db_->Get(rocksdb::ReadOptions(),
                         log_committed_key(dataset, number), &committed);
  if (status.ok()) {
    TRY(read_log_numbers(committed, std::span(&partition.committed, 1)));
  } else if (!status.IsNotFound()) {
    return log_io_error("cannot be read", status);
  }
  partition.read = std::max(partition.committed, partition.low);
  return {};
}

Status RocksLog::write_declaration(const std::string& dataset,
                                   uint32_t partitions, int64_t retention_ms) {
  if (auto shortage = disk_shortage(folder_, 0)) {
    return Error{ErrorCode::kIo, "embedded log: " + *shortage};
  }
  int64_t numbers[2] = {partitions, retention_ms};
  rocksdb::WriteOptions synced;
  synced.sync = true;
  auto status =
      db_->Put(synced, log_prefix('d', dataset), encode_log_numbers(numbers));
  if (!status.ok()) return log_io_error("cannot be written", status);
  return {};
}

Status RocksLog::declare(const std::string& dataset, uint32_t partitions,
                         int64_t retention_ms, int64_t retention_bytes,
                         bool in_order) {
  if (dataset.empty() || dataset.find('\0') != std::string::npos) {
    return invalid("not a dataset's name: " + dataset);
  }
  if (partitions == 0 || partitions > kMaxPartitions) {
    return invalid(fmt::format("partitions of a log must be 1 to {}: {}",
                               kMaxPartitions, partitions));
  }
  {
    MutexLock lock(mutex_);
    LogDataset* known = find(dataset);
    size_t before = known ? known->partitions.size() : 0;
    if (partitions < before) {
      return invalid(fmt::format(
          "the log of {} has {} partitions, which cannot shrink to {}", dataset,
          before, partitions));
    }
    // Nothing to write for what is known: a server starts on a full disk, too.
    bool same =
        known && before == partitions && known->retention_ms == retention_ms;
    if (!same) TRY(write_declaration(dataset, partitions, retention_ms));
    if (!known) {
      auto added = std::make_unique<LogDataset>();
      added->name = dataset;  // never again: a leader reads it unlocked
      known = added.get();
      datasets_[dataset] = std::move(added);
    }
    known->retention_ms = retention_ms;
    known->retention_bytes = retention_bytes;
    known->in_order = in_order;
    known->partitions.resize(partitions);
  }
  sweep();
  return {};
}

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
  options.track_and_verify_wals_in_manifest = true;
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
  auto log = std::make_unique<RocksLog>(
      folder, std::unique_ptr<rocksdb::DB>(raw), limits);
  TRY(log->recover());
  return std::unique_ptr<EmbeddedLog>(std::move(log));
}

}  // namespace freshet
