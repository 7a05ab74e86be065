// How the embedded log lies in its key-value store: one entry per append and
// partition, holding many records, so that a record costs no key of its own.
//
// Keys: kind, dataset, 0, and by kind
//   'd'  -                                         the declaration
//   'r'  u32 partition, u64 first offset (big-endian)  an entry
//   'c'  u32 partition (big-endian)                committed offset
//   'k'  the client's idempotency key              its time, hash, first answer
// Entry, little-endian: u8 version (1), i64 time in ms, u32 records, and for
// each u32 key size, u32 value size, key, value. The checksum is the store's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/embedded_log.h"
#include "segments/result.h"
#include "segments/time.h"

namespace freshet {

std::string log_prefix(char kind, std::string_view dataset);
std::string log_entry_key(std::string_view dataset, uint32_t partition,
                          int64_t offset);
std::string log_committed_key(std::string_view dataset, uint32_t partition);

// The offset at the end of an entry's key.
int64_t log_offset_of(std::string_view key);

// Builds an entry record by record.
class LogEntryBuilder {
 public:
  LogEntryBuilder();
  void add(const EmbeddedLog::Record& record);
  // Makes room for `bytes` of records, which may come to more.
  void reserve(size_t bytes) { bytes_.reserve(bytes + bytes / 16); }
  uint32_t records() const { return records_; }
  size_t bytes() const { return bytes_.size(); }
  // The entry, stamped with the time of its append.
  std::string finish(Timestamp time);

 private:
  std::string bytes_;
  uint32_t records_ = 0;
};

struct LogEntry {
  Timestamp time;
  std::vector<EmbeddedLog::Record> records;  // views into the bytes
};
// kCorrupt if the bytes are no entry.
Status read_log_entry(std::string_view bytes, LogEntry& entry);
// The two numbers alone.
Status read_log_entry_head(std::string_view bytes, Timestamp& time,
                           uint32_t& records);

// What is kept for an idempotency key: i64 time, then for each partition u32
// size, name, i64 next offset; under the empty name, the records' hash.
using LogAnswer = std::map<PartitionName, int64_t>;
struct KeyedAnswer {
  Timestamp time;
  LogAnswer answer;                // next offset by partition
  std::optional<uint64_t> hash{};  // of the records; earlier versions kept none
};
std::string encode_log_answer(const KeyedAnswer& kept);
Status read_log_answer(std::string_view bytes, KeyedAnswer& kept);

std::string encode_log_numbers(std::span<const int64_t> numbers);
Status read_log_numbers(std::string_view bytes, std::span<int64_t> numbers);

}  // namespace freshet
