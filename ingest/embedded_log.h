// EmbeddedLog: a durable, partitioned log in one RocksDB (the only file pair
// that includes it besides segments/metadata_store), for datasets without a
// Kafka. Appends are acknowledged after fsync; concurrent appends share one
// (group commit). Oldest records go by age and size. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ingest/source.h"

namespace freshet {

// How far appends of a dataset may run ahead of its reader.
struct EmbeddedLogLimits {
  int64_t unread_records = 10'000'000;
  int64_t unread_bytes = int64_t{4} << 30;  // since the log was opened
};

class EmbeddedLog {
 public:
  // DATA/log; kConflict if in use, kIo if it cannot be written.
  static Result<std::unique_ptr<EmbeddedLog>> open(
      const std::string& folder, EmbeddedLogLimits limits = {});
  virtual ~EmbeddedLog() = default;

  // Declares a dataset's log. Calling again may change retention; the number
  // of partitions may grow, never shrink. Records older than `retention_ms`
  // (negative: none) go once they were reported as committed, about every half
  // minute and at each declare; the newest of a partition always stay. So do
  // the oldest of a partition beyond its share of `retention_bytes` (negative:
  // no bound), which is about what they take on disk, without the newest 64 MB.
  // `in_order`: records without a key are read in the order in which they were
  // appended, also after a restart; they all go to one partition.
  virtual Status declare(const std::string& dataset, uint32_t partitions,
                         int64_t retention_ms, int64_t retention_bytes = -1,
                         bool in_order = false) = 0;

  struct Record {
    // Chooses the partition; empty: round robin by batch, or see declare().
    std::string_view key;
    std::string_view value;
  };
  // Appends all or nothing and returns, by partition name ("log/0"), the next
  // offset. Durable when it returns. With an idempotency key that was used in
  // the last day, appends nothing and returns the first answer, or kConflict
  // if it came with other records then. kLimit when
  // the unread backlog exceeds its bound (the caller answers 429); kIo when
  // the disk has no room, until it has.
  virtual Result<std::map<PartitionName, int64_t>> append(
      const std::string& dataset, std::span<const Record> records,
      std::string_view idempotency_key) = 0;

  // A reader of one dataset's partitions. The log must outlive it. One that
  // only looks does not count as the dataset's reader.
  virtual Result<std::unique_ptr<Source>> open_source(
      const std::string& dataset, bool looks = false) = 0;

  // Writes a copy of the log as of now into `folder`, which must not exist,
  // mostly as hard links; it has all that was acknowledged. open() reads it.
  virtual Status checkpoint(const std::string& folder) = 0;
};

}  // namespace freshet
