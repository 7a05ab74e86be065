// RowKeyIndex: what is known of each key of a dataset, by hash. In memory up to
// a limit, beyond it in a KeySpill.
//
// 256 tables by the first byte of the hash, so that growth and spilling come
// in small steps. Used by the ingestion thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ingest/key_hash.h"
#include "ingest/key_spill.h"
#include "segments/result.h"

namespace freshet {

class RowKeyIndex {
 public:
  static constexpr size_t kTables = 256;

  // Beyond `memory_bytes` keys go to `spill_folder`, which is made then.
  RowKeyIndex(uint64_t memory_bytes, std::string spill_folder);

  // The entry of the key, or null. The pointer is valid until the next call
  // of this or insert(). kIo if spilled keys cannot be read.
  Result<KeyEntry*> find(const KeyHash& key);
  // REQUIRES: find(key) was null, and nothing was inserted since.
  void insert(const KeyHash& key, const KeyEntry& entry);
  // Asks for the memory that find(key) will look at.
  void prefetch(const KeyHash& key) const;

  // Spills until the limit is met again; call between batches. kIo or kLimit
  // leaves the keys in memory.
  Status keep_to_limit();

  // Calls `keep` for the entries in memory of one table, which may change
  // them; those it returns false for are forgotten.
  void visit(size_t table, const std::function<bool(KeyEntry&)>& keep);

  uint64_t keys_in_memory() const { return num_keys_; }
  uint64_t keys_spilled() const {
    return num_spilled_;
  }  // counted twice if
     // spilled twice
  uint64_t memory_bytes() const { return num_slots_ * sizeof(Slot); }

 private:
  struct Slot {
    KeyHash key;  // both 0: free
    KeyEntry entry;
  };
  struct Table {
    std::vector<Slot> slots;  // a power of two, or none
    size_t used = 0;
  };
  static bool is_free(const Slot& slot) {
    return slot.key.high == 0 && slot.key.low == 0;
  }
  Slot* slot_of(Table& table, const KeyHash& key) const;
  void resize(Table& table, size_t num_slots);
  void put(Table& table, const KeyHash& key, const KeyEntry& entry);
  Status spill(Table& table);

  const uint64_t memory_limit_;
  const std::string spill_folder_;
  std::vector<Table> tables_;
  uint64_t num_slots_ = 0;
  uint64_t num_keys_ = 0;
  uint64_t num_spilled_ = 0;
  size_t next_spilled_ = 0;  // table
  std::unique_ptr<KeySpill> spill_;
};

}  // namespace freshet
