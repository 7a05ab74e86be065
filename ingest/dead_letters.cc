#include "ingest/dead_letters.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

namespace freshet {
namespace {

// Value, little-endian: u8 version (1), i64 time in ms, u64 full size, then
// reason, message and bytes, each as u32 length and bytes. Partition and
// offset stand in the key.
constexpr char kVersion = 1;

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

Result<DeadLetter> read_letter(const std::string& prefix, std::string_view key,
                               std::string_view value) {
  Error damaged{ErrorCode::kCorrupt,
                "a dead letter cannot be read: " + std::string(key)};
  DeadLetter letter;
  std::string_view place = key.substr(prefix.size());
  size_t slash = place.rfind('/');
  if (slash == std::string_view::npos) return damaged;
  letter.partition = place.substr(0, slash);
  std::string_view offset = place.substr(slash + 1);
  auto [end, error] = std::from_chars(
      offset.data(), offset.data() + offset.size(), letter.offset);
  if (error != std::errc() || end != offset.data() + offset.size()) {
    return damaged;
  }
  char version = 0;
  if (!take_number(value, version) || version != kVersion) return damaged;
  if (!take_number(value, letter.time.ms) ||
      !take_number(value, letter.full_size) ||
      !take_text(value, letter.reason) || !take_text(value, letter.message) ||
      !take_text(value, letter.bytes)) {
    return damaged;
  }
  return letter;
}

}  // namespace

std::string dead_letter_prefix(const std::string& dataset) {
  return "dead/" + dataset + "/";
}

Timestamp dead_letter_time(std::string_view value) {
  char version = 0;
  Timestamp time;
  bool read = take_number(value, version) && version == kVersion &&
              take_number(value, time.ms);
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
  return {fmt::format("{}{}/{:020}", dead_letter_prefix(dataset),
                      letter.partition, letter.offset),
          std::move(value)};
}

Result<DeadLetterPage> list_dead_letters(const MetadataStore& store,
                                         const std::string& dataset,
                                         std::string_view start_after,
                                         size_t limit) {
  DeadLetterPage page;
  Status bad;
  std::string prefix = dead_letter_prefix(dataset);
  std::string last;
  TRY(store.scan(prefix, start_after,
                 [&](std::string_view key, std::string_view value) {
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

}  // namespace freshet
