// RocksLog: the embedded log over RocksDB. Its steps lie by concept in
// embedded_log.cc (opening, declaring), embedded_log_append.cc,
// embedded_log_reads.cc and embedded_log_retention.cc; only these include it.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <map>
#include <thread>

#include "ingest/embedded_log.h"
#include "ingest/log_entry.h"
#include "ingest/log_source.h"
#include "segments/mutex.h"

namespace freshet {

// How long the answer to an idempotency key is kept.
inline constexpr int64_t kIdempotencyMs = int64_t{24} * 3600 * 1000;

// `what` and RocksDB's text; kCorrupt or kIo.
Error log_io_error(std::string_view what, const rocksdb::Status& status);

struct LogPartition {
  int64_t low = 0;        // first offset still there
  int64_t high = 0;       // one past the newest durable record
  int64_t read = 0;       // the reader's place
  int64_t committed = 0;  // durable elsewhere
};

struct LogDataset {
  std::string name;
  int64_t retention_ms = -1;
  int64_t retention_bytes = -1;  // since this run's declare(); -1: any
  int64_t unread_bytes = 0;      // appended minus read since the log was opened
  bool in_order = false;         // since this run's declare()
  uint64_t next_keyless = 0;     // round robin
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
  uint64_t hash = 0;  // of the records, if there is a key
  bool done = false;
  Status result;
  LogAnswer answer;
};

// The appends of one group by dataset and idempotency key.
using KeyedAppends =
    std::map<std::pair<LogDataset*, std::string>, PendingAppend*>;

class RocksLog final : public EmbeddedLog, public LogReads {
 public:
  RocksLog(std::string folder, std::unique_ptr<rocksdb::DB> db,
           EmbeddedLogLimits limits)
      : folder_(std::move(folder)), limits_(limits), db_(std::move(db)) {}
  ~RocksLog() override;
  Status recover();

  Status declare(const std::string& dataset, uint32_t partitions,
                 int64_t retention_ms, int64_t retention_bytes,
                 bool in_order) override;
  Result<LogAnswer> append(const std::string& dataset,
                           std::span<const Record> records,
                           std::string_view idempotency_key) override;
  Result<std::unique_ptr<Source>> open_source(const std::string& dataset,
                                              bool looks) override;
  Status checkpoint(const std::string& folder) override;

  Result<std::vector<PartitionBounds>> bounds(
      const std::string& dataset) override;
  void highs(const std::string& dataset, std::vector<int64_t>& highs) override;
  Status read_entries(
      const std::string& dataset, uint32_t partition, int64_t offset,
      size_t max_records, size_t max_bytes,
      std::vector<std::pair<int64_t, std::string>>& out) override;
  void wait(const std::string& dataset, std::span<const int64_t> positions,
            int64_t timeout_ms) override;
  void set_read(const std::string& dataset, uint32_t partition, int64_t next,
                int64_t bytes) override;
  void set_committed(const std::string& dataset, uint32_t partition,
                     int64_t next) override;
  void rewind(const std::string& dataset, uint32_t partition,
              int64_t next) override;

 private:
  LogDataset* find(const std::string& dataset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status write_declaration(const std::string& dataset, uint32_t partitions,
                           int64_t retention_ms);
  Status recover_dataset(LogDataset& dataset);
  Status recover_partition(const std::string& dataset, uint32_t number,
                           LogPartition& partition);
  Status check_room(const LogDataset& dataset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void build_parts(std::span<const Record> records, size_t partitions,
                   uint64_t keyless, PendingAppend& pending);
  void lead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status write_group(std::span<PendingAppend* const> group);
  void answer_keyed(PendingAppend& pending, KeyedAppends& keyed);
  void add_entries(PendingAppend& pending, Timestamp time,
                   rocksdb::WriteBatch& batch);
  Status answered_before(PendingAppend& pending);
  static Status repeat(PendingAppend& pending, const KeyedAnswer& first);
  void write_committed(const std::string& dataset, uint32_t partition,
                       int64_t next);
  void publish(PendingAppend& pending) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void sweep_forever();
  void sweep();
  void sweep_partition(const LogDataset& dataset, uint32_t number);
  uint64_t size_on_disk(const std::string& begin, const std::string& end);
  void sweep_keys(const std::string& dataset);

  const std::string folder_;
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
  absl::Time next_key_sweep_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // Offsets given out by the leader, by dataset and partition; only the one
  // leader of the moment touches it.
  std::map<std::pair<LogDataset*, uint32_t>, int64_t> assigned_;
  std::thread sweeper_;
};

}  // namespace freshet
