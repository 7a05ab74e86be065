#include "segments/dictionary_encoder.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "segments/bloom_filter.h"
#include "segments/sealed_dictionary.h"

namespace freshet {
namespace {

constexpr uint64_t kLargeBytes = 64 << 10;

std::string header_of(uint8_t form, const DictionaryOrder& order) {
  DictionaryHeader header;
  header.form = form;
  header.by_appearance = order.by_appearance;
  return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

std::string flat(const Dictionary& dictionary, const DictionaryOrder& order,
                 uint64_t text_bytes) {
  std::vector<uint32_t> offsets = {0};
  std::string text;
  text.reserve(text_bytes);
  for (uint32_t id : order.ids) {
    text += dictionary.value(id);
    offsets.push_back(static_cast<uint32_t>(text.size()));
  }
  std::string bytes = header_of(kFlatDictionary, order);
  bytes.append(reinterpret_cast<const char*>(offsets.data()),
               offsets.size() * sizeof(uint32_t));
  return bytes + text;
}

std::string in_blocks(const Dictionary& dictionary,
                      const DictionaryOrder& order) {
  size_t count = (order.ids.size() + kTextBlockValues - 1) / kTextBlockValues;
  std::vector<TextBlockEntry> entries(count);
  std::string filters, texts;
  size_t filter_bytes = order.by_appearance ? kBloomBytes : 0;
  filters.resize(count * filter_bytes);
  uint64_t start = sizeof(DictionaryHeader) +
                   count * (sizeof(TextBlockEntry) + filter_bytes);
  std::vector<std::string_view> values;
  for (size_t block = 0; block < count; ++block) {
    size_t begin = block * kTextBlockValues;
    size_t end = std::min(begin + kTextBlockValues, order.ids.size());
    values.clear();
    for (size_t i = begin; i < end; ++i) {
      values.push_back(dictionary.value(order.ids[i]));
      if (order.by_appearance) {
        bloom_add(filters.data() + block * kBloomBytes,
                  bloom_hash(values.back()));
      }
    }
    EncodedText text = encode_text(values);
    TextBlockEntry& entry = entries[block];
    entry.offset = start + texts.size();
    entry.length = static_cast<uint32_t>(text.bytes.size());
    entry.coded_length = text.coded_length;
    entry.text_length = text.text_length;
    entry.codec = text.codec;
    texts += text.bytes;
  }
  std::string bytes = header_of(kBlockDictionary, order);
  bytes.append(reinterpret_cast<const char*>(entries.data()),
               entries.size() * sizeof(TextBlockEntry));
  return bytes + filters + texts;
}

}  // namespace

bool fits_text_blocks(const Dictionary& dictionary,
                      const DictionaryOrder& order) {
  uint64_t length = 0;
  for (size_t i = 0; i < order.ids.size(); ++i) {
    if (i % kTextBlockValues == 0) length = 0;
    length += dictionary.value(order.ids[i]).size();
    if (length > kTextBlockBytes) return false;
  }
  return true;
}

Result<std::string> encode_dictionary(const Dictionary& dictionary,
                                      const DictionaryOrder& order) {
  uint64_t text = 0;
  for (uint32_t id : order.ids) text += dictionary.value(id).size();
  if (text > UINT32_MAX) {
    return Error{ErrorCode::kLimit, "more than 4 GiB of distinct values"};
  }
  uint64_t flat_bytes = sizeof(DictionaryHeader) +
                        uint64_t{order.size()} * sizeof(uint32_t) + text;
  if (order.by_appearance) return in_blocks(dictionary, order);
  if (flat_bytes > kLargeBytes && fits_text_blocks(dictionary, order)) {
    std::string blocks = in_blocks(dictionary, order);
    if (blocks.size() * 4 <= flat_bytes * 3) return blocks;
  }
  return flat(dictionary, order, text);
}

}  // namespace freshet
