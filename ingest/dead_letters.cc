#include "ingest/dead_letters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "ingest/field_value.h"
#include "ingest/file_records.h"

namespace freshet {
namespace {

// Value, little-endian: u8 version (2), i64 time in ms, u64 full size, then
// reason, message and bytes, each as u32 length and bytes; then i64 message
// time in ms, u8 flags, key, u32 number of headers, name and value of each.
// Version 1 ends after the bytes. Partition, content and offset stand in the
// key.
constexpr char kFirstVersion = 1;
constexpr char kVersion = 2;
constexpr uint8_t kNullValue = 1, kCut = 2;

template <class Number>
void put_number(std::string& out, Number value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

template <class Number>
bool take_number(std::string_view& in, Number& value) {
  if (in.size() < sizeof value) return false;
  std::memcpy(&value, in.data(), sizeof value);
  in.remove_prefix(sizeof value);
  return true;
}

bool take_text(std::string_view& in, std::string& text) {
  uint32_t size = 0;
  if (!take_number(in, size) || in.size() < size) return false;
  text.assign(in.substr(0, size));
  in.remove_prefix(size);
  return true;
}

bool take_version(std::string_view& in) {
  char version = 0;
  return take_number(in, version) && version >= kFirstVersion &&
         version <= kVersion;
}

// What version 2 added.
bool take_message(std::string_view& in, DeadLetter& letter) {
  uint8_t flags = 0;
  uint32_t headers = 0;
  if (!take_number(in, letter.message_time.ms) || !take_number(in, flags) ||
      !take_text(in, letter.key) || !take_number(in, headers)) {
    return false;
  }
  letter.null_value = flags & kNullValue;
  letter.cut = flags & kCut;
  for (uint32_t i = 0; i < headers; ++i) {
    auto& [name, text] = letter.headers.emplace_back();
    if (!take_text(in, name) || !take_text(in, text)) return false;
  }
  return true;
}

void put_message(std::string& out, const DeadLetter& letter) {
  put_number(out, letter.message_time.ms);
  uint8_t flags = letter.null_value ? kNullValue : 0;
  if (letter.cut) flags |= kCut;
  put_number(out, flags);
  put_text(out, letter.key);
  put_number(out, static_cast<uint32_t>(letter.headers.size()));
  for (const auto& [name, text] : letter.headers) {
    put_text(out, name);
    put_text(out, text);
  }
}

// "file/NAME/CONTENT", or a partition and nothing more. Neither names of files
// nor of topics have a '/'.
void split_content(std::string_view text, DeadLetter& letter) {
  size_t slash = text.rfind('/');
  if (!is_file_partition(text) || slash < kFilePartition.size()) {
    letter.partition = text;
    return;
  }
  letter.partition = text.substr(0, slash);
  letter.content = text.substr(slash + 1);
}

// Of partition and content; the inverse of split_content().
std::string place_of(const DeadLetter& letter) {
  if (letter.content.empty()) return letter.partition;
  return letter.partition + "/" + letter.content;
}

Result<DeadLetter> read_letter(const std::string& prefix, std::string_view key,
                               std::string_view value) {
  Error damaged{ErrorCode::kCorrupt,
                "a dead letter cannot be read: " + std::string(key)};
  DeadLetter letter;
  std::string_view place = key.substr(prefix.size());
  size_t slash = place.rfind('/');
  if (slash == std::string_view::npos) return damaged;
  split_content(place.substr(0, slash), letter);
  std::string_view offset = place.substr(slash + 1);
  auto [end, error] = std::from_chars(
      offset.data(), offset.data() + offset.size(), letter.offset);
  if (error != std::errc() || end != offset.data() + offset.size()) {
    return damaged;
  }
  char version = value.empty() ? char{0} : value[0];
  if (!take_version(value)) return damaged;
  if (!take_number(value, letter.time.ms) ||
      !take_number(value, letter.full_size) ||
      !take_text(value, letter.reason) || !take_text(value, letter.message) ||
      !take_text(value, letter.bytes)) {
    return damaged;
  }
  letter.message_time = letter.time;
  if (version != kFirstVersion && !take_message(value, letter)) return damaged;
  return letter;
}

// From a stored value; empty if it is damaged.
std::string_view reason_of(std::string_view value) {
  int64_t time = 0;
  uint64_t size = 0;
  uint32_t length = 0;
  bool read = take_version(value) && take_number(value, time) &&
              take_number(value, size) && take_number(value, length) &&
              length <= value.size();
  return read ? value.substr(0, length) : std::string_view();
}

std::string key_of(const std::string& dataset, std::string_view place,
                   int64_t offset) {
  return fmt::format("{}{}/{:020}", dead_letter_prefix(dataset), place, offset);
}

}  // namespace

std::string DeadLetter::id() const {
  return fmt::format("{}/{}", place_of(*this), offset);
}

Result<std::string> dead_letter_key(const std::string& dataset,
                                    std::string_view id) {
  size_t slash = id.rfind('/');
  int64_t offset = -1;
  if (slash != std::string_view::npos) {
    const char* end = id.data() + id.size();
    auto [at, error] = std::from_chars(id.data() + slash + 1, end, offset);
    if (error != std::errc() || at != end) offset = -1;
  }
  if (offset < 0 || slash == 0) {
    return invalid("not the id of a dead letter (PARTITION/OFFSET): " +
                   shorten(id));
  }
  return key_of(dataset, id.substr(0, slash), offset);
}

std::string dead_letter_prefix(const std::string& dataset) {
  return "dead/" + dataset + "/";
}

Timestamp dead_letter_time(std::string_view value) {
  Timestamp time;
  bool read = take_version(value) && take_number(value, time.ms);
  return read ? time : kMinTimestamp;
}

std::pair<std::string, std::string> encode_dead_letter(
    const std::string& dataset, const DeadLetter& letter) {
  std::string value(1, kVersion);
  put_number(value, letter.time.ms);
  put_number(value, letter.full_size);
  put_text(value, letter.reason);
  put_text(value, letter.message);
  put_text(value,
           std::string_view(letter.bytes).substr(0, kMaxDeadLetterBytes));
  put_message(value, letter);
  return {key_of(dataset, place_of(letter), letter.offset), std::move(value)};
}

Result<DeadLetterPage> list_dead_letters(const MetadataStore& store,
                                         const std::string& dataset,
                                         std::string_view start_after,
                                         size_t limit,
                                         const std::string& reason,
                                         const std::string& partition) {
  DeadLetterPage page;
  Status bad;
  std::string prefix = dead_letter_prefix(dataset);
  std::string last;
  std::string within = partition.empty() ? prefix : prefix + partition + "/";
  TRY(store.scan(within, start_after,
                 [&](std::string_view key, std::string_view value) {
                   if (!reason.empty() && reason_of(value) != reason) {
                     return true;
                   }
                   if (page.letters.size() == limit) {
                     page.next = last;
                     return false;
                   }
                   auto letter = read_letter(prefix, key, value);
                   if (!letter) {
                     bad = letter.error();
                     return false;
                   }
                   page.letters.push_back(std::move(*letter));
                   last = key;
                   return true;
                 }));
  TRY(bad);
  return page;
}

Result<std::optional<DeadLetter>> find_dead_letter(const MetadataStore& store,
                                                   const std::string& dataset,
                                                   std::string_view id) {
  TRY_ASSIGN(std::string key, dead_letter_key(dataset, id));
  TRY_ASSIGN(auto value, store.get(key));
  if (!value) return std::optional<DeadLetter>();
  TRY_ASSIGN(DeadLetter letter,
             read_letter(dead_letter_prefix(dataset), key, *value));
  return std::optional(std::move(letter));
}

Result<std::vector<DeadLetter>> newest_dead_letters(const MetadataStore& store,
                                                    const std::string& dataset,
                                                    size_t most) {
  using Found = std::pair<Timestamp, std::string>;  // and its key
  auto newer = [](const Found& a, const Found& b) { return a > b; };
  std::vector<Found> newest;  // a heap, the oldest in front
  std::string prefix = dead_letter_prefix(dataset);
  TRY(store.scan(prefix, "", [&](std::string_view key, std::string_view value) {
    Timestamp time = dead_letter_time(value);
    bool full = newest.size() == most;
    if (full && time < newest.front().first) return true;
    newest.emplace_back(time, key);
    std::ranges::push_heap(newest, newer);
    if (!full) return true;
    std::ranges::pop_heap(newest, newer);
    newest.pop_back();
    return true;
  }));
  std::ranges::sort_heap(newest, newer);
  std::vector<DeadLetter> letters;
  for (const auto& [time, key] : newest) {
    TRY_ASSIGN(auto value, store.get(key));
    if (!value) continue;  // gone meanwhile
    TRY_ASSIGN(DeadLetter letter, read_letter(prefix, key, *value));
    letters.push_back(std::move(letter));
  }
  return letters;
}

Result<std::map<std::string, uint64_t>> count_dead_letters(
    const MetadataStore& store, const std::string& dataset) {
  std::map<std::string, uint64_t> counts;
  TRY(store.scan(dead_letter_prefix(dataset), "",
                 [&](std::string_view, std::string_view value) {
                   ++counts[std::string(reason_of(value))];
                   return true;
                 }));
  return counts;
}

}  // namespace freshet
