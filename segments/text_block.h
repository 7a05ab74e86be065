// Up to kTextBlockValues values of a dictionary in one run of bytes: each
// value as how much of the one before it repeats, and the rest; the whole
// compressed where that pays. FORMAT.md, "Dictionary".
//
// Stateless; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "segments/text_compression.h"

namespace freshet {

inline constexpr uint32_t kTextBlockValues = 1024;
// Most text of one block's values; so much memory a block takes when read.
inline constexpr uint32_t kTextBlockBytes = 1 << 20;

struct EncodedText {
  TextCodec codec = TextCodec::kNone;
  uint32_t coded_length = 0;  // before compression
  uint32_t text_length = 0;   // of all values together
  std::string bytes;
};

// The values of a block, ready to be read.
struct DecodedText {
  std::vector<uint32_t> offsets;  // values + 1, from 0
  std::string text;

  std::string_view value(uint32_t i) const {
    return std::string_view(text).substr(offsets[i],
                                         offsets[i + 1] - offsets[i]);
  }
};

// REQUIRES: 1 to kTextBlockValues values of at most kTextBlockBytes together.
EncodedText encode_text(const std::vector<std::string_view>& values);

// The `count` values, or nothing if the parts contradict each other. Memory
// is bounded by kTextBlockBytes whatever they say.
std::optional<DecodedText> decode_text(TextCodec codec, uint32_t coded_length,
                                       uint32_t text_length, uint32_t count,
                                       std::string_view bytes);

}  // namespace freshet
