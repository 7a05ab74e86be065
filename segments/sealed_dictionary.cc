#include "segments/sealed_dictionary.h"

#include <algorithm>
#include <cstring>

#include "segments/bloom_filter.h"

namespace freshet {
namespace {

constexpr uint64_t kHeader = sizeof(DictionaryHeader);

Error damaged() { return Error{ErrorCode::kCorrupt, "damaged dictionary"}; }

}  // namespace

SealedDictionary::Blocks::~Blocks() {
  for (auto& block : read) delete block.load(std::memory_order_relaxed);
}

Result<SealedDictionary> SealedDictionary::open(std::string_view bytes,
                                                uint32_t size) {
  DictionaryHeader header;
  if (size == 0 || bytes.size() < kHeader) return damaged();
  std::memcpy(&header, bytes.data(), kHeader);
  if (header.form > kBlockDictionary || header.by_appearance > 1 ||
      header.block_values != kTextBlockValues) {
    return damaged();
  }
  SealedDictionary dictionary(bytes, size);
  dictionary.by_appearance_ = header.by_appearance == 1;
  Status status = header.form == kFlatDictionary ? dictionary.open_flat()
                                                 : dictionary.open_blocks();
  if (!status) return status.error();
  return dictionary;
}

Status SealedDictionary::open_flat() {
  uint64_t offset_bytes = kHeader + uint64_t{size_} * sizeof(uint32_t);
  if (by_appearance_ || bytes_.size() < offset_bytes) return damaged();
  text_ = bytes_.substr(offset_bytes);
  if (offset(0) != 0) return damaged();
  for (uint32_t id = 1; id < size_; ++id) {
    if (offset(id) < offset(id - 1)) return damaged();
  }
  if (offset(size_ - 1) != text_.size()) return damaged();
  return {};
}

Status SealedDictionary::open_blocks() {
  uint64_t each =
      sizeof(TextBlockEntry) + (by_appearance_ ? uint64_t{kBloomBytes} : 0);
  if (bytes_.size() < kHeader + num_blocks() * each) return damaged();
  entries_ = reinterpret_cast<const TextBlockEntry*>(bytes_.data() + kHeader);
  blocks_ = std::make_unique<Blocks>(num_blocks());
  for (uint32_t block = 0; block < num_blocks(); ++block) {
    TRY(check_block(block));
  }
  return {};
}

// Reads the block once, so that reading it again cannot fail.
Status SealedDictionary::check_block(uint32_t block) {
  const TextBlockEntry& entry = entries_[block];
  if (entry.offset > bytes_.size() ||
      entry.length > bytes_.size() - entry.offset) {
    return damaged();
  }
  std::optional<DecodedText> text = decoded(block);
  if (!text) return damaged();
  if (!by_appearance_) blocks_->firsts.emplace_back(text->value(0));
  return {};
}

std::optional<DecodedText> SealedDictionary::decoded(uint32_t block) const {
  const TextBlockEntry& entry = entries_[block];
  return decode_text(entry.codec, entry.coded_length, entry.text_length,
                     values_in(block),
                     bytes_.substr(entry.offset, entry.length));
}

const DecodedText& SealedDictionary::block_of(uint32_t id) const {
  uint32_t block = (id - 1) / kTextBlockValues;
  std::atomic<const DecodedText*>& place = blocks_->read[block];
  if (const DecodedText* read = place.load(std::memory_order_acquire)) {
    return *read;
  }
  auto text = std::make_unique<const DecodedText>(*decoded(block));
  const DecodedText* expected = nullptr;
  if (place.compare_exchange_strong(expected, text.get(),
                                    std::memory_order_acq_rel)) {
    return *text.release();
  }
  return *expected;  // another thread was first
}

uint32_t SealedDictionary::offset(uint32_t i) const {
  uint32_t value;
  std::memcpy(&value, bytes_.data() + kHeader + uint64_t{i} * sizeof(value),
              sizeof(value));
  return value;
}

std::string_view SealedDictionary::flat_value(uint32_t id) const {
  return text_.substr(offset(id - 1), offset(id) - offset(id - 1));
}

const char* SealedDictionary::filter(uint32_t block) const {
  return bytes_.data() + kHeader + num_blocks() * sizeof(TextBlockEntry) +
         uint64_t{block} * kBloomBytes;
}

// Among the ids of [low, high).
std::optional<uint32_t> SealedDictionary::find_in_order(std::string_view value,
                                                        uint32_t low,
                                                        uint32_t high) const {
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

std::optional<uint32_t> SealedDictionary::find_by_filter(
    std::string_view value) const {
  uint64_t hash = bloom_hash(value);
  for (uint32_t block = 0; block < num_blocks(); ++block) {
    if (!bloom_may_have(filter(block), hash)) continue;
    uint32_t first = 1 + block * kTextBlockValues;
    for (uint32_t id = first; id < first + values_in(block); ++id) {
      if (this->value(id) == value) return id;
    }
  }
  return std::nullopt;
}

std::optional<uint32_t> SealedDictionary::find(std::string_view value) const {
  if (!blocks_) return find_in_order(value, 1, size_);
  if (by_appearance_) return find_by_filter(value);
  const std::vector<std::string>& firsts = blocks_->firsts;
  auto after = std::upper_bound(firsts.begin(), firsts.end(), value);
  if (after == firsts.begin()) return std::nullopt;
  uint32_t block = static_cast<uint32_t>(after - firsts.begin()) - 1;
  uint32_t first = 1 + block * kTextBlockValues;
  return find_in_order(value, first, first + values_in(block));
}

bool SealedDictionary::is_ascending() const {
  if (!blocks_) {
    for (uint32_t id = 2; id < size_; ++id) {
      if (flat_value(id - 1) >= flat_value(id)) return false;
    }
    return true;
  }
  // Block by block, none kept in memory.
  std::optional<std::string> before;
  for (uint32_t block = 0; block < num_blocks(); ++block) {
    std::optional<DecodedText> text = decoded(block);
    for (uint32_t i = 0; i < values_in(block); ++i) {
      if (i > 0 ? text->value(i - 1) >= text->value(i)
                : before && *before >= text->value(i)) {
        return false;
      }
    }
    before = text->value(values_in(block) - 1);
  }
  return true;
}

}  // namespace freshet
