#include "segments/sealed_dictionary.h"

#include <cstring>

namespace freshet {

Result<SealedDictionary> SealedDictionary::open(std::string_view bytes,
                                                uint32_t size) {
  Error fault{ErrorCode::kCorrupt, "damaged dictionary"};
  uint64_t offset_bytes = uint64_t{size} * sizeof(uint32_t);
  if (size == 0 || bytes.size() < offset_bytes) return fault;
  SealedDictionary dictionary(bytes.data(), bytes.substr(offset_bytes), size);
  if (dictionary.offset(0) != 0) return fault;
  for (uint32_t id = 1; id < size; ++id) {
    if (dictionary.offset(id) < dictionary.offset(id - 1)) return fault;
  }
  if (dictionary.offset(size - 1) != dictionary.text_.size()) return fault;
  return dictionary;
}

uint32_t SealedDictionary::offset(uint32_t i) const {
  uint32_t value;
  std::memcpy(&value, offsets_ + uint64_t{i} * sizeof(value), sizeof(value));
  return value;
}

std::optional<uint32_t> SealedDictionary::find(std::string_view value) const {
  uint32_t low = 1, high = size_;  // the id is in [low, high)
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = this->value(middle).compare(value);
    if (order == 0) return middle;
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

bool SealedDictionary::is_ascending() const {
  for (uint32_t id = 2; id < size_; ++id) {
    if (value(id - 1) >= value(id)) return false;
  }
  return true;
}

}  // namespace freshet
