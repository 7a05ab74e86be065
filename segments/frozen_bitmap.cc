#include "segments/frozen_bitmap.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace freshet {
namespace {

// From the front: the words of all bitsets, the runs of all run containers, the
// members of all arrays, then per container a key, a count and a type, and last
// a word of cookie (15 bits) and number of containers.
constexpr uint32_t kCookie = 13766;
constexpr uint64_t kBitsetBytes = 8192;
constexpr uint64_t kDirectoryBytes = 2 + 2 + 1;  // key, count, type
enum Type : uint8_t { kBitset = 1, kArray = 2, kRun = 3 };

template <class T>
T load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

bool is_bitset(const char* words, uint32_t cardinality) {
  uint32_t found = 0;
  for (uint64_t at = 0; at < kBitsetBytes; at += 8) {
    found += static_cast<uint32_t>(std::popcount(load<uint64_t>(words + at)));
  }
  return found == cardinality;
}

bool is_array(const char* members, uint32_t cardinality) {
  bool ascending = true;
  for (uint32_t i = 1; i < cardinality; ++i) {
    ascending &=
        load<uint16_t>(members + 2 * i - 2) < load<uint16_t>(members + 2 * i);
  }
  return ascending;
}

// A run is its first member and how many follow that.
bool are_runs(const char* runs, uint32_t count) {
  int32_t last = -1;
  for (uint32_t i = 0; i < count; ++i) {
    int32_t first = load<uint16_t>(runs + 4 * i);
    int32_t end = first + load<uint16_t>(runs + 4 * i + 2);
    if (first <= last || end > 0xffff) return false;
    last = end;
  }
  return count > 0;
}

// The containers' directory, at the end of the bytes.
struct Directory {
  const char* keys;
  const char* counts;
  const char* types;
  uint32_t size;

  uint16_t key(uint32_t i) const { return load<uint16_t>(keys + 2 * i); }
  uint16_t count(uint32_t i) const { return load<uint16_t>(counts + 2 * i); }
  uint8_t type(uint32_t i) const { return static_cast<uint8_t>(types[i]); }

  // Bytes of a container's members; 0 for an unknown type.
  uint64_t member_bytes(uint32_t i) const {
    switch (type(i)) {
      case kBitset:
        return kBitsetBytes;
      case kArray:
        return 2 * (uint64_t{count(i)} + 1);
      case kRun:
        return 4 * uint64_t{count(i)};
      default:
        return 0;
    }
  }
};

}  // namespace

bool is_frozen_bitmap(std::span<const char> bytes) {
  if (bytes.size() < 4) return false;
  uint32_t header = load<uint32_t>(bytes.data() + bytes.size() - 4);
  uint64_t containers = header >> 15;
  uint64_t directory_bytes = containers * kDirectoryBytes;
  if ((header & 0x7fff) != kCookie || containers > 0x10000 ||
      directory_bytes > bytes.size() - 4) {
    return false;
  }
  uint64_t data_bytes = bytes.size() - 4 - directory_bytes;
  const char* keys = bytes.data() + data_bytes;
  Directory directory{keys, keys + 2 * containers, keys + 4 * containers,
                      static_cast<uint32_t>(containers)};
  uint64_t length[4] = {};  // of all members, by type
  for (uint32_t i = 0; i < directory.size; ++i) {
    uint64_t members = directory.member_bytes(i);
    if (members == 0) return false;
    if (i > 0 && directory.key(i) <= directory.key(i - 1)) return false;
    length[directory.type(i)] += members;
  }
  if (length[kBitset] + length[kRun] + length[kArray] != data_bytes) {
    return false;
  }
  const char* next[4] = {};
  next[kBitset] = bytes.data();
  next[kRun] = next[kBitset] + length[kBitset];
  next[kArray] = next[kRun] + length[kRun];
  for (uint32_t i = 0; i < directory.size; ++i) {
    uint8_t type = directory.type(i);
    uint32_t count = directory.count(i);
    bool sound = type == kBitset  ? is_bitset(next[type], count + 1)
                 : type == kArray ? is_array(next[type], count + 1)
                                  : are_runs(next[type], count);
    if (!sound) return false;
    next[type] += directory.member_bytes(i);
  }
  return true;
}

}  // namespace freshet
