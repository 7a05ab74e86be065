// Source: where a dataset's events come from, as numbered records in
// partitions. Two kinds: Kafka (kafka_source) and the embedded durable log
// (embedded_log). Freshet keeps its own offsets; a source only reads.
//
// One Ingestion owns a Source and calls it from its one thread, except
// status(), which any thread may call.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"
#include "segments/time.h"

namespace freshet {

// A partition by its name within the dataset: "pos.sales/3" for Kafka topic
// pos.sales partition 3, "log/0" for the embedded log.
using PartitionName = std::string;

struct MessageHeader {
  std::string_view name, value;
};

// One record. The bytes belong to the source and are valid until the next
// poll() on it.
struct RawMessage {
  uint32_t partition = 0;           // index into the assignment
  std::string_view partition_name;  // as in the assignment
  int64_t offset = 0;
  Timestamp time;  // when the source stored it (Kafka timestamp)
  std::string_view key;
  std::string_view value;
  bool null_value = false;                 // a tombstone
  int32_t server = -1;                     // that gave it, if the source tells
  std::span<const MessageHeader> headers;  // if the source was asked for them
};

struct AssignedPartition {
  PartitionName name;
  int64_t next = 0;  // first offset to read
};

// What can be known of a partition without reading it.
struct PartitionBounds {
  PartitionName name;
  int64_t low = 0;   // first offset still there
  int64_t high = 0;  // one past the last (last stable) record
};

// What is there, or may be, and cannot be read now.
struct UnreadPartition {
  PartitionName name;  // "pos.sales/": all of that topic
  std::string error;   // why, for people
  bool is(const PartitionName& partition) const {
    return name.ends_with('/') ? partition.starts_with(name)
                               : partition == name;
  }
};

struct SourceStatus {
  bool connected = false;
  std::string error;  // last one, for people; empty when all is well
  // By partition that is being read, as far as known: one past the newest
  // record there.
  std::map<PartitionName, int64_t> high;
  // What was asked for and does not exist (Kafka topics), as partitions() last
  // found it.
  std::vector<std::string> absent;
  bool part = false;  // by its settings it reads only a part of the partitions
};

// Why a partition cannot go on; poll() reports it once, then the partition is
// stopped until the next assign().
struct PartitionFault {
  uint32_t partition = 0;
  // kCorrupt: truncated, recreated or damaged; kNotFound: out of range.
  Error error;
};

struct MessageBatch {
  std::vector<RawMessage> messages;  // by partition in offset order
  // Position after this batch by assignment index: next offset to read. May
  // pass the last message by more than one (transactions, compaction).
  std::vector<int64_t> positions;
  std::vector<PartitionFault> faults;
  // Something odd was heard of a partition or a broker: partitions() should be
  // asked again. Also set where poll() fails.
  bool suspicious = false;
  // Why a partition is not read for now, though it goes on by itself; for
  // people. Empty if all are.
  std::string trouble;
  void clear() {
    messages.clear();
    faults.clear();
    suspicious = false;
    trouble.clear();
  }
};

class Source {
 public:
  virtual ~Source() = default;

  // Whether partitions(), readable_partitions() and read_one() wait for a
  // network: then one other thread at a time may call them beside assign(),
  // poll() and report_committed(), so that reading goes on meanwhile.
  virtual bool listing_waits() const { return false; }

  // Every partition there is now. kUnavailable while the source cannot be
  // reached (retry later), kNotFound if there is none of what was asked for.
  virtual Result<std::vector<PartitionBounds>> partitions() = 0;
  // The same, but that those which cannot be read now (no leader, no right) go
  // to `unread` and do not keep the others from being listed. kUnavailable if
  // that leaves none.
  virtual Result<std::vector<PartitionBounds>> readable_partitions(
      std::vector<UnreadPartition>& unread) {
    unread.clear();
    return partitions();
  }

  // Whether a partition of this name is of what was asked for, be it there or
  // not. Any thread.
  virtual bool is_asked_for(const PartitionName&) const { return true; }

  // Reads from these from now on, replacing any earlier assignment.
  virtual Status assign(const std::vector<AssignedPartition>& partitions) = 0;

  // Waits at most `timeout_ms` for records and returns what is there, up to
  // `max_messages`. An empty batch is normal. kUnavailable is transient: the
  // source keeps trying by itself.
  virtual Status poll(int64_t timeout_ms, size_t max_messages,
                      MessageBatch& batch) = 0;

  // The record at `offset` of a partition, for the truncation check; nothing
  // if it is gone (retention, compaction).
  struct StoredRecord {
    uint64_t hash = 0;  // record_hash of its key and value
    Timestamp time;
  };
  virtual Result<std::optional<StoredRecord>> read_one(
      const PartitionName& partition, int64_t offset) = 0;

  // The first record of a partition that was stored at or after `time`, or the
  // partition's end. kUnavailable; kUnsupported if the source cannot tell.
  virtual Result<int64_t> offset_at(const PartitionName& partition,
                                    Timestamp time) {
    return Error{
        ErrorCode::kUnsupported,
        "the source cannot look for " + to_iso8601(time) + " in " + partition};
  }

  // Tells the outside world how far segments are durable (Kafka: the group's
  // committed offsets, only so that lag can be seen). Best effort.
  virtual void report_committed(
      const std::map<PartitionName, int64_t>& next) = 0;

  virtual SourceStatus status() const = 0;
  // Whether the highs of status() are as of the call, of all partitions: who
  // was told that an event is stored finds it below them. Any thread.
  virtual bool tells_end() const { return false; }
  // "kafka", "log".
  virtual const char* kind() const = 0;
};

// xxh3 of key and value with their lengths.
uint64_t record_hash(std::string_view key, std::string_view value);

}  // namespace freshet
