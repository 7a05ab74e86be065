#include "ingest/row_key_index.h"

#include <algorithm>
#include <bit>

namespace freshet {
namespace {

constexpr size_t kFirstSlots = 64;

size_t table_of(const KeyHash& key) { return key.high >> 56; }

// At most 3 of 4 slots are used.
bool is_full(size_t used, size_t slots) { return used * 4 >= slots * 3; }

}  // namespace

RowKeyIndex::RowKeyIndex(uint64_t memory_bytes, std::string spill_folder)
    : memory_limit_(memory_bytes),
      spill_folder_(std::move(spill_folder)),
      tables_(kTables) {}

// The key's slot, or the free one where it would go. REQUIRES: has slots.
RowKeyIndex::Slot* RowKeyIndex::slot_of(Table& table,
                                        const KeyHash& key) const {
  size_t mask = table.slots.size() - 1;
  for (size_t at = key.low & mask;; at = (at + 1) & mask) {
    Slot& slot = table.slots[at];
    if (slot.key == key || is_free(slot)) return &slot;
  }
}

void RowKeyIndex::prefetch(const KeyHash& key) const {
  const Table& table = tables_[table_of(key)];
  if (table.slots.empty()) return;
  __builtin_prefetch(&table.slots[key.low & (table.slots.size() - 1)]);
}

Result<KeyEntry*> RowKeyIndex::find(const KeyHash& key) {
  Table& table = tables_[table_of(key)];
  if (!table.slots.empty()) {
    Slot* slot = slot_of(table, key);
    if (!is_free(*slot)) return &slot->entry;
  }
  if (spill_ == nullptr) return nullptr;
  TRY_ASSIGN(std::optional<KeyEntry> spilled, spill_->get(key));
  if (!spilled) return nullptr;
  put(table, key, *spilled);
  return &slot_of(table, key)->entry;
}

void RowKeyIndex::insert(const KeyHash& key, const KeyEntry& entry) {
  put(tables_[table_of(key)], key, entry);
}

void RowKeyIndex::put(Table& table, const KeyHash& key, const KeyEntry& entry) {
  if (is_full(table.used + 1, table.slots.size())) {
    resize(table, std::max(kFirstSlots, table.slots.size() * 2));
  }
  *slot_of(table, key) = {key, entry};
  ++table.used;
  ++num_keys_;
}

void RowKeyIndex::resize(Table& table, size_t num_slots) {
  std::vector<Slot> old(num_slots);
  old.swap(table.slots);
  num_slots_ += num_slots - old.size();
  for (const Slot& slot : old) {
    if (!is_free(slot)) *slot_of(table, slot.key) = slot;
  }
}

void RowKeyIndex::visit(size_t position,
                        const std::function<bool(KeyEntry&)>& keep) {
  Table& table = tables_[position];
  std::vector<Slot> kept;
  kept.reserve(table.used);
  for (Slot& slot : table.slots) {
    if (!is_free(slot) && keep(slot.entry)) kept.push_back(slot);
  }
  if (kept.size() == table.used) return;
  num_keys_ -= table.used - kept.size();
  num_slots_ -= table.slots.size();
  size_t slots = std::max(kFirstSlots, std::bit_ceil(kept.size() * 2));
  table.slots.assign(slots, Slot());
  table.slots.shrink_to_fit();
  num_slots_ += slots;
  for (const Slot& slot : kept) *slot_of(table, slot.key) = slot;
  table.used = kept.size();
}

Status RowKeyIndex::spill(Table& table) {
  std::vector<std::pair<KeyHash, KeyEntry>> keys;
  keys.reserve(table.used);
  for (const Slot& slot : table.slots) {
    if (!is_free(slot)) keys.emplace_back(slot.key, slot.entry);
  }
  TRY(spill_->put(keys));
  num_spilled_ += keys.size();
  num_keys_ -= keys.size();
  num_slots_ -= table.slots.size();
  table = Table();
  return {};
}

Status RowKeyIndex::keep_to_limit() {
  while (memory_bytes() > memory_limit_ && num_keys_ > 0) {
    if (spill_ == nullptr) {
      TRY_ASSIGN(spill_, KeySpill::open(spill_folder_));
    }
    TRY(spill(tables_[next_spilled_]));
    next_spilled_ = (next_spilled_ + 1) % kTables;
  }
  return {};
}

}  // namespace freshet
