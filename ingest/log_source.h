// LogSource: the embedded log behind Source, and what it needs of the log.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ingest/source.h"

namespace freshet {

// The reading side of the log. Partitions are numbers here. Thread-safe.
class LogReads {
 public:
  virtual ~LogReads() = default;
  virtual Result<std::vector<PartitionBounds>> bounds(
      const std::string& dataset) = 0;
  // One past the newest durable record, by partition; no names, no disk.
  virtual void highs(const std::string& dataset,
                     std::vector<int64_t>& highs) = 0;
  // Appends to `out` the entries, with their first offsets, from the one that
  // holds `offset` on, until they have `max_records` records, the next one goes
  // beyond `max_bytes`, or they end; at least one. Nothing if `offset` is gone
  // or not there yet. kCorrupt, kIo.
  virtual Status read_entries(
      const std::string& dataset, uint32_t partition, int64_t offset,
      size_t max_records, size_t max_bytes,
      std::vector<std::pair<int64_t, std::string>>& out) = 0;
  // Waits until partition p has a record at positions[p] or later (positions
  // < 0 are not waited for), at most `timeout_ms`.
  virtual void wait(const std::string& dataset,
                    std::span<const int64_t> positions, int64_t timeout_ms) = 0;
  // The reader's place, for the bound on the backlog.
  virtual void set_read(const std::string& dataset, uint32_t partition,
                        int64_t next, int64_t bytes) = 0;
  // From `next` on it will be read (again): what is there stays.
  virtual void rewind(const std::string& dataset, uint32_t partition,
                      int64_t next) = 0;
  // Durable elsewhere: may be deleted by age.
  virtual void set_committed(const std::string& dataset, uint32_t partition,
                             int64_t next) = 0;
};

// `looks`: see EmbeddedLog::open_source.
std::unique_ptr<Source> make_log_source(LogReads& log, std::string dataset,
                                        bool looks);

// "log/3" -> 3; kInvalid otherwise.
Result<uint32_t> parse_log_partition(const PartitionName& name);
PartitionName log_partition_name(uint32_t partition);

}  // namespace freshet
