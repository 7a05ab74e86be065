#include "segments/live_dictionary.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "segments/zeroed_array.h"

namespace freshet {
namespace {

constexpr uint32_t kFirstSlots = 16;
// Two for each slot of the table, as far as they stay in the second cache.
constexpr uint32_t kMostRecent = 4096;
constexpr size_t kShortText = 16;
constexpr size_t kFirstBlock = 256, kLargestBlock = 256 * 1024;

uint64_t hash_of(std::string_view value) {
  return XXH3_64bits(value.data(), value.size());
}

uint64_t slot_of(uint64_t hash, uint32_t id) {
  return (hash & 0xffffffff00000000) | id;
}

}  // namespace

struct LiveDictionary::Table {
  // REQUIRES: `num_slots` is a power of two, 2 at least.
  explicit Table(uint32_t num_slots)
      : mask(num_slots - 1),
        shift(64 - std::countr_zero(num_slots)),
        slots(num_slots) {}
  const uint32_t mask;
  const int shift;
  ZeroedArray<std::atomic<uint64_t>> slots;  // 0 = free

  // Where a value of this hash, or in the slot with its upper half, is looked
  // for first, and then.
  uint32_t first(uint64_t hash) const {
    return static_cast<uint32_t>(hash >> shift);
  }
  uint32_t next(uint32_t i) const { return (i + 1) & mask; }

  // Where it was put.
  uint32_t put(uint64_t slot) {
    uint32_t i = first(slot);
    while (slots[i].load(std::memory_order_relaxed) != 0) i = next(i);
    slots[i].store(slot, std::memory_order_release);
    return i;
  }
};

LiveDictionary::LiveDictionary() {
  tables_.push_back(std::make_unique<Table>(kFirstSlots));
  table_.store(tables_.back().get(), std::memory_order_release);
  bytes_ = sizeof *this + kFirstSlots * sizeof(uint64_t) +
           64 * sizeof(std::string_view);  // the first chunk of values_
}

LiveDictionary::~LiveDictionary() = default;

LiveDictionary::ShortText::ShortText(std::string_view value)
    : size(static_cast<uint32_t>(value.size())) {
  const char* begin = value.data();
  if (size >= 8) {
    std::memcpy(&low, begin, 8);
    std::memcpy(&high, begin + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(&low, begin, 4);
    std::memcpy(&high, begin + size - 4, 4);
  } else if (size > 0) {
    auto byte = [&](uint32_t i) { return static_cast<uint8_t>(begin[i]); };
    low = byte(0);
    high = byte(size / 2) | static_cast<uint64_t>(byte(size - 1)) << 8;
  }
}

uint32_t LiveDictionary::add(std::string_view value) {
  if (value.size() <= kShortText) return add_short(value);
  if (last_id_ != 0 && value == last_value_) return last_id_;
  last_id_ = find_or_insert(value);
  last_value_ = values_[last_id_ - 1];
  return last_id_;
}

uint32_t LiveDictionary::add_short(std::string_view value) {
  if (recent_.empty()) resize_recent();
  ShortText text(value);
  uint64_t hash = (text.low * 0x9E3779B97F4A7C15 ^ (text.high + text.size)) *
                  0xBF58476D1CE4E5B9;
  size_t place = (hash ^ hash >> 32) >> 8;
  const Recent& recent = recent_[place & (recent_.size() - 1)];
  if (recent.id != 0 && recent.text == text) return recent.id;
  uint32_t id = find_or_insert(value);  // may replace recent_
  recent_[place & (recent_.size() - 1)] = {text, id};
  return id;
}

uint32_t LiveDictionary::find_or_insert(std::string_view value) {
  uint64_t hash = hash_of(value);
  const Table& table = *tables_.back();
  for (uint32_t i = table.first(hash);; i = table.next(i)) {
    uint64_t slot = table.slots[i].load(std::memory_order_relaxed);
    if (slot == 0) return insert(value, hash);
    if ((slot ^ hash) >> 32 != 0) continue;
    uint32_t id = static_cast<uint32_t>(slot);
    if (values_[id - 1] == value) return id;
  }
}

uint32_t LiveDictionary::insert(std::string_view value, uint64_t hash) {
  uint32_t id = values_.size() + 1;
  assert(id < UINT32_MAX);
  values_.append(keep(value));
  bytes_ += sizeof(std::string_view);
  if (!larger_ && uint64_t{id} * 2 > tables_.back()->mask) begin_growth();
  const uint32_t place = tables_.back()->put(slot_of(hash, id));
  if (larger_) {
    if (place < moved_) larger_->put(slot_of(hash, id));
    move_slots();
  }
  // Last: who knows of the id finds it.
  size_.store(id + 1, std::memory_order_release);
  return id;
}

void LiveDictionary::begin_growth() {
  const uint32_t num_slots = (tables_.back()->mask + 1) * 2;
  larger_ = std::make_unique<Table>(num_slots);
  moved_ = 0;
  bytes_ += num_slots * sizeof(uint64_t);
}

// Slots are in the order of their hashes, so both tables are passed through
// from front to back, and no value is read; the system gives the larger one's
// pages as they are reached, not at random all at once. An eighth of the
// table's slots is taken meanwhile.
void LiveDictionary::move_slots() {
  constexpr uint32_t kAtOnce = 8;
  const Table& full = *tables_.back();
  const uint32_t end = std::min(moved_ + kAtOnce, full.mask + 1);
  for (; moved_ < end; ++moved_) {
    const uint64_t slot = full.slots[moved_].load(std::memory_order_relaxed);
    if (slot != 0) larger_->put(slot);
  }
  if (moved_ <= full.mask) return;
  table_.store(larger_.get(), std::memory_order_release);
  tables_.push_back(std::move(larger_));
  if (!recent_.empty()) resize_recent();
}

// Forgets what was in it where it grows.
void LiveDictionary::resize_recent() {
  size_t size = std::min((tables_.back()->mask + 1) * 2, kMostRecent);
  if (size == recent_.size()) return;
  bytes_ += (size - recent_.size()) * sizeof(Recent);
  recent_.assign(size, Recent());
}

std::string_view LiveDictionary::keep(std::string_view value) {
  if (value.empty()) return std::string_view("", 0);
  if (block_size_ - block_used_ < value.size()) {
    block_size_ = std::max(
        value.size(), std::clamp(block_size_ * 2, kFirstBlock, kLargestBlock));
    blocks_.push_back(std::unique_ptr<char[]>(new char[block_size_]));
    block_used_ = 0;
    bytes_ += block_size_;
  }
  char* place = blocks_.back().get() + block_used_;
  std::memcpy(place, value.data(), value.size());
  block_used_ += value.size();
  return {place, value.size()};
}

std::optional<uint32_t> LiveDictionary::find(std::string_view value,
                                             uint32_t limit) const {
  uint64_t hash = hash_of(value);
  const Table& table = *table_.load(std::memory_order_acquire);
  for (uint32_t i = table.first(hash);; i = table.next(i)) {
    uint64_t slot = table.slots[i].load(std::memory_order_acquire);
    if (slot == 0) return std::nullopt;
    uint32_t id = static_cast<uint32_t>(slot);
    if ((slot ^ hash) >> 32 != 0 || id >= limit) continue;
    if (values_[id - 1] == value) return id;
  }
}

}  // namespace freshet
