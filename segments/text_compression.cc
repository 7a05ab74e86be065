#include "segments/text_compression.h"

#include <lz4.h>
#include <zstd.h>

#include <cstring>
#include <utility>

namespace freshet {
namespace {

constexpr int kZstdLevel = 1;

std::string by_lz4(std::string_view text) {
  int size = static_cast<int>(text.size());
  std::string bytes(static_cast<size_t>(LZ4_compressBound(size)), '\0');
  int used = LZ4_compress_default(text.data(), bytes.data(), size,
                                  static_cast<int>(bytes.size()));
  bytes.resize(static_cast<size_t>(used));
  return bytes;
}

std::string by_zstd(std::string_view text) {
  std::string bytes(ZSTD_compressBound(text.size()), '\0');
  size_t used = ZSTD_compress(bytes.data(), bytes.size(), text.data(),
                              text.size(), kZstdLevel);
  if (ZSTD_isError(used)) return std::string(text);  // saves nothing
  bytes.resize(used);
  return bytes;
}

}  // namespace

CompressedText compress_text(std::string_view text) {
  if (text.empty() || text.size() > LZ4_MAX_INPUT_SIZE) {
    return {TextCodec::kNone, std::string(text)};
  }
  std::string lz4 = by_lz4(text), zstd = by_zstd(text);
  bool lz4_serves = lz4.size() * 7 <= zstd.size() * 8;
  std::string& best = lz4_serves ? lz4 : zstd;
  if (best.size() * 4 > text.size() * 3) {
    return {TextCodec::kNone, std::string(text)};
  }
  return {lz4_serves ? TextCodec::kLz4 : TextCodec::kZstd, std::move(best)};
}

bool decompress_text(TextCodec codec, std::string_view bytes, char* out,
                     size_t size) {
  switch (codec) {
    case TextCodec::kNone:
      if (bytes.size() != size) return false;
      std::memcpy(out, bytes.data(), size);
      return true;
    case TextCodec::kLz4:
      return bytes.size() <= LZ4_MAX_INPUT_SIZE && size <= LZ4_MAX_INPUT_SIZE &&
             LZ4_decompress_safe(
                 bytes.data(), out, static_cast<int>(bytes.size()),
                 static_cast<int>(size)) == static_cast<int>(size);
    case TextCodec::kZstd:
      return ZSTD_decompress(out, size, bytes.data(), bytes.size()) == size;
  }
  return false;
}

}  // namespace freshet
