#include "segments/text_block.h"

#include <algorithm>
#include <cstring>

namespace freshet {
namespace {

// Numbers as 7 bits a byte, lowest first, the top bit set on all but the last.
constexpr uint32_t kMostNumberBytes = 5;
// Two numbers a value, and all text.
constexpr uint64_t kMostCoded =
    uint64_t{kTextBlockValues} * 2 * kMostNumberBytes + kTextBlockBytes;

void put_number(std::string& out, size_t number) {
  for (; number >= 0x80; number >>= 7) {
    out += static_cast<char>(number | 0x80);
  }
  out += static_cast<char>(number);
}

// Takes a number off the front; false at the end or if it is too large.
bool take_number(std::string_view& bytes, uint32_t& number) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < kMostNumberBytes && i < bytes.size(); ++i) {
    uint64_t byte = static_cast<unsigned char>(bytes[i]);
    value |= (byte & 0x7f) << (7 * i);
    if (byte & 0x80) continue;
    bytes.remove_prefix(i + 1);
    number = static_cast<uint32_t>(value);
    return value <= kTextBlockBytes;
  }
  return false;
}

size_t shared_prefix(std::string_view a, std::string_view b) {
  size_t most = std::min(a.size(), b.size());
  size_t length = 0;
  while (length < most && a[length] == b[length]) ++length;
  return length;
}

// Repeats of all values, lengths of all rests, all rests: like beside like
// compresses best.
std::string front_coded(const std::vector<std::string_view>& values) {
  std::string coded, lengths, rests;
  std::string_view before;
  for (std::string_view value : values) {
    size_t shared = shared_prefix(before, value);
    put_number(coded, shared);
    put_number(lengths, value.size() - shared);
    rests += value.substr(shared);
    before = value;
  }
  return coded + lengths + rests;
}

bool take_numbers(std::string_view& bytes, std::vector<uint32_t>& numbers) {
  for (uint32_t& number : numbers) {
    if (!take_number(bytes, number)) return false;
  }
  return true;
}

}  // namespace

EncodedText encode_text(const std::vector<std::string_view>& values) {
  EncodedText out;
  for (std::string_view value : values) {
    out.text_length += static_cast<uint32_t>(value.size());
  }
  std::string coded = front_coded(values);
  out.coded_length = static_cast<uint32_t>(coded.size());
  CompressedText compressed = compress_text(coded);
  out.codec = compressed.codec;
  out.bytes = std::move(compressed.bytes);
  return out;
}

std::optional<DecodedText> decode_text(TextCodec codec, uint32_t coded_length,
                                       uint32_t text_length, uint32_t count,
                                       std::string_view bytes) {
  if (coded_length > kMostCoded || text_length > kTextBlockBytes ||
      count > kTextBlockValues) {
    return std::nullopt;
  }
  std::string coded(coded_length, '\0');
  if (!decompress_text(codec, bytes, coded.data(), coded.size())) {
    return std::nullopt;
  }
  std::string_view rest = coded;
  std::vector<uint32_t> shared(count), lengths(count);
  if (!take_numbers(rest, shared) || !take_numbers(rest, lengths)) {
    return std::nullopt;
  }
  DecodedText out;
  out.offsets.resize(count + 1);
  out.text.resize(text_length);
  uint32_t before = 0, at = 0;  // starts of the last value and of this one
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t end = uint64_t{at} + shared[i] + lengths[i];
    if (shared[i] > at - before || lengths[i] > rest.size() ||
        end > text_length) {
      return std::nullopt;
    }
    char* to = out.text.data() + at;
    std::memcpy(to, out.text.data() + before, shared[i]);
    std::memcpy(to + shared[i], rest.data(), lengths[i]);
    rest.remove_prefix(lengths[i]);
    before = at;
    at = static_cast<uint32_t>(end);
    out.offsets[i + 1] = at;
  }
  if (at != text_length || !rest.empty()) return std::nullopt;
  return out;
}

}  // namespace freshet
