// SealedDictionary: sorted values in the bytes of a mapped file: n+1 offsets
// of 4 bytes (n values; id 0, null, has none), then the values' bytes.
#pragma once

#include "segments/segment.h"

namespace freshet {

class SealedDictionary final : public Dictionary {
 public:
  // `size` ids with null. Checks the offsets; kCorrupt says what is wrong.
  // `bytes` stays valid as long as this.
  static Result<SealedDictionary> open(std::string_view bytes, uint32_t size);

  uint32_t size() const override { return size_; }
  std::string_view value(uint32_t id) const override {
    return text_.substr(offset(id - 1), offset(id) - offset(id - 1));
  }
  std::optional<uint32_t> find(std::string_view value) const override;
  bool sorted() const override { return true; }
  // Whether the values are strictly ascending; reads them all.
  bool is_ascending() const;

 private:
  SealedDictionary(const char* offsets, std::string_view text, uint32_t size)
      : offsets_(offsets), text_(text), size_(size) {}
  uint32_t offset(uint32_t i) const;

  const char* offsets_;
  std::string_view text_;
  uint32_t size_;
};

}  // namespace freshet
