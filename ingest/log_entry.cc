#include "ingest/log_entry.h"

#include <bit>
#include <cstring>

namespace freshet {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr char kVersion = 1;
constexpr size_t kHeadBytes = 1 + 8 + 4;

template <class Number>
void put(std::string& out, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <class Number>
bool take(std::string_view& in, Number& value) {
  if (in.size() < sizeof value) return false;
  std::memcpy(&value, in.data(), sizeof value);
  in.remove_prefix(sizeof value);
  return true;
}

bool take_text(std::string_view& in, size_t size, std::string_view& text) {
  if (in.size() < size) return false;
  text = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

void put_big_endian(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) {
    out += static_cast<char>(value >> (8 * i));
  }
}

Error damaged(const char* what) {
  return Error{ErrorCode::kCorrupt,
               std::string("the embedded log is damaged: ") + what};
}

}  // namespace

std::string log_prefix(char kind, std::string_view dataset) {
  std::string key(1, kind);
  key += dataset;
  key += '\0';
  return key;
}

std::string log_entry_key(std::string_view dataset, uint32_t partition,
                          int64_t offset) {
  std::string key = log_prefix('r', dataset);
  put_big_endian(key, partition, 4);
  put_big_endian(key, static_cast<uint64_t>(offset), 8);
  return key;
}

std::string log_committed_key(std::string_view dataset, uint32_t partition) {
  std::string key = log_prefix('c', dataset);
  put_big_endian(key, partition, 4);
  return key;
}

int64_t log_offset_of(std::string_view key) {
  uint64_t offset = 0;
  for (char c : key.substr(key.size() - 8)) {
    offset = offset << 8 | static_cast<unsigned char>(c);
  }
  return static_cast<int64_t>(offset);
}

LogEntryBuilder::LogEntryBuilder() : bytes_(kHeadBytes, '\0') {}

void LogEntryBuilder::add(const EmbeddedLog::Record& record) {
  put(bytes_, static_cast<uint32_t>(record.key.size()));
  put(bytes_, static_cast<uint32_t>(record.value.size()));
  bytes_ += record.key;
  bytes_ += record.value;
  ++records_;
}

std::string LogEntryBuilder::finish(Timestamp time) {
  bytes_[0] = kVersion;
  std::memcpy(bytes_.data() + 1, &time.ms, 8);
  std::memcpy(bytes_.data() + 9, &records_, 4);
  return std::move(bytes_);
}

Status read_log_entry_head(std::string_view bytes, Timestamp& time,
                           uint32_t& records) {
  char version = 0;
  if (!take(bytes, version) || version != kVersion || !take(bytes, time.ms) ||
      !take(bytes, records)) {
    return damaged("entry head");
  }
  return {};
}

Status read_log_entry(std::string_view bytes, LogEntry& entry) {
  uint32_t records = 0;
  TRY(read_log_entry_head(bytes, entry.time, records));
  bytes.remove_prefix(kHeadBytes);
  if (records > bytes.size() / 8) return damaged("number of records");
  entry.records.clear();
  entry.records.reserve(records);
  for (uint32_t i = 0; i < records; ++i) {
    uint32_t key_size = 0, value_size = 0;
    EmbeddedLog::Record record;
    if (!take(bytes, key_size) || !take(bytes, value_size) ||
        !take_text(bytes, key_size, record.key) ||
        !take_text(bytes, value_size, record.value)) {
      return damaged("record");
    }
    entry.records.push_back(record);
  }
  return bytes.empty() ? Status() : Status(damaged("end of entry"));
}

std::string encode_log_answer(const KeyedAnswer& kept) {
  std::string out;
  put(out, kept.time.ms);
  if (kept.hash) {
    put(out, uint32_t{0});
    put(out, *kept.hash);
  }
  for (const auto& [partition, next] : kept.answer) {
    put(out, static_cast<uint32_t>(partition.size()));
    out += partition;
    put(out, next);
  }
  return out;
}

Status read_log_answer(std::string_view bytes, KeyedAnswer& kept) {
  if (!take(bytes, kept.time.ms)) return damaged("idempotency key");
  while (!bytes.empty()) {
    uint32_t size = 0;
    std::string_view name;
    int64_t next = 0;
    if (!take(bytes, size) || !take_text(bytes, size, name) ||
        !take(bytes, next)) {
      return damaged("idempotency key");
    }
    if (name.empty()) {
      kept.hash = static_cast<uint64_t>(next);
    } else {
      kept.answer[std::string(name)] = next;
    }
  }
  return {};
}

std::string encode_log_numbers(std::span<const int64_t> numbers) {
  std::string out;
  for (int64_t number : numbers) put(out, number);
  return out;
}

Status read_log_numbers(std::string_view bytes, std::span<int64_t> numbers) {
  for (int64_t& number : numbers) {
    if (!take(bytes, number)) return damaged("number");
  }
  return bytes.empty() ? Status() : Status(damaged("numbers"));
}

}  // namespace freshet
