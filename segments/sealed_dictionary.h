// SealedDictionary: the values of a string column in the bytes of a mapped
// file, in one of two forms (FORMAT.md, "Dictionary"): flat, read in place;
// or blocks of front-coded, compressed text, each read into memory when first
// asked for and kept. Values are in byte order, or in order of appearance
// with a bloom filter for each block.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "segments/segment.h"
#include "segments/text_block.h"

namespace freshet {

// First bytes of a dictionary.
struct DictionaryHeader {
  uint8_t form = 0;  // kFlat, kBlocks
  uint8_t by_appearance = 0;
  uint16_t reserved = 0;
  uint32_t block_values = kTextBlockValues;
};
static_assert(sizeof(DictionaryHeader) == 8);
inline constexpr uint8_t kFlatDictionary = 0;
inline constexpr uint8_t kBlockDictionary = 1;

// Where the values of one block are.
struct TextBlockEntry {
  uint64_t offset = 0;  // from the start of the dictionary
  uint32_t length = 0;
  uint32_t coded_length = 0;
  uint32_t text_length = 0;
  TextCodec codec = TextCodec::kNone;
  uint8_t reserved[3] = {};
};
static_assert(sizeof(TextBlockEntry) == 24);

class SealedDictionary final : public Dictionary {
 public:
  // `size` ids with null. Checks every part, so that no later read can fail;
  // kCorrupt says what is wrong. `bytes` stays valid as long as this.
  static Result<SealedDictionary> open(std::string_view bytes, uint32_t size);

  uint32_t size() const override { return size_; }
  std::string_view value(uint32_t id) const override {
    return blocks_ ? block_of(id).value((id - 1) % kTextBlockValues)
                   : flat_value(id);
  }
  std::optional<uint32_t> find(std::string_view value) const override;
  bool sorted() const override { return !by_appearance_; }
  // Whether the values are strictly ascending; reads them all.
  bool is_ascending() const;
  bool in_blocks() const { return blocks_ != nullptr; }

 private:
  // Blocks read so far; freed with the dictionary.
  struct Blocks {
    explicit Blocks(size_t count) : read(count) {}
    ~Blocks();
    std::vector<std::atomic<const DecodedText*>> read;
    std::vector<std::string> firsts;  // first value of each, if sorted
  };

  SealedDictionary(std::string_view bytes, uint32_t size)
      : bytes_(bytes), size_(size) {}
  Status open_flat();
  Status open_blocks();
  Status check_block(uint32_t block);
  uint32_t num_blocks() const {
    return static_cast<uint32_t>((uint64_t{size_} - 1 + kTextBlockValues - 1) /
                                 kTextBlockValues);
  }
  uint32_t values_in(uint32_t block) const {
    return std::min(size_ - 1 - block * kTextBlockValues, kTextBlockValues);
  }
  std::optional<DecodedText> decoded(uint32_t block) const;
  const DecodedText& block_of(uint32_t id) const;
  const char* filter(uint32_t block) const;
  std::string_view flat_value(uint32_t id) const;
  uint32_t offset(uint32_t i) const;
  std::optional<uint32_t> find_in_order(std::string_view value, uint32_t low,
                                        uint32_t high) const;
  std::optional<uint32_t> find_by_filter(std::string_view value) const;

  std::string_view bytes_;
  uint32_t size_;
  bool by_appearance_ = false;
  std::string_view text_;  // kFlatDictionary
  const TextBlockEntry* entries_ = nullptr;
  std::unique_ptr<Blocks> blocks_;
};

}  // namespace freshet
