// The parts of a sealed file that say where everything is. FORMAT.md has the
// same byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "segments/cube.h"
#include "segments/schema.h"
#include "segments/segment.h"
#include "segments/time.h"

namespace freshet {

inline constexpr char kSegmentMagic[9] = "FRSHSEG1";
inline constexpr uint32_t kSegmentVersion = 1;
inline constexpr uint64_t kHeaderBytes = 64;
inline constexpr uint64_t kTrailerBytes = 40;
inline constexpr uint64_t kExtentAlignment = 64;
inline constexpr uint64_t kPageBytes = 4096;
inline constexpr uint64_t kBitmapAlignment = 32;

// XXH3, 64 bits, seed 0.
uint64_t checksum_of(std::string_view bytes);

// A run of bytes in the file.
struct Extent {
  uint64_t offset = 0, length = 0;
  uint64_t checksum = 0;
};

enum class Encoding : uint8_t {
  kPackedLongs = 1,  // frame of reference, bit-packed
  kRawDoubles = 2,
  kPackedIds = 3,  // dictionary ids, as kPackedLongs
};

// One block of one column; the block table of a column is an array of these.
struct BlockEntry {
  uint64_t offset = 0;  // from the start of the column's blocks extent
  uint64_t checksum = 0;
  int64_t min = 0, max = 0;  // of non-null values; doubles by their bits
  uint32_t length = 0;       // bytes
  uint32_t num_nulls = 0;
  uint8_t width = 0;  // bits per value; 64 for doubles
  uint8_t reserved[7] = {};
};
static_assert(sizeof(BlockEntry) == 48);

struct ColumnFooter {
  ColumnSpec spec;
  Encoding encoding = Encoding::kPackedLongs;
  uint32_t num_nulls = 0;
  int64_t min = 0, max = 0;      // as in BlockEntry, over the column
  uint32_t dictionary_size = 0;  // ids, null included; 0 if no string
  Extent blocks;                 // its checksum is 0: each block has its own
  Extent block_table;
  Extent dictionary;
  Extent index_directory;  // length 0: no inverted index
  Extent index;
};

struct CubeFooter {
  CubeSpec spec;
  uint32_t num_rows = 0;
  std::vector<ColumnFooter> columns;  // as cube_schema() lists them
};

struct Footer {
  std::string id;
  uint32_t num_rows = 0;
  Interval time_range;
  std::vector<std::string> sort_by;
  std::vector<ColumnFooter> columns;
  std::vector<CubeFooter> cubes;
  uint64_t content_hash = 0;

  uint32_t num_blocks() const {
    return (num_rows + kBlockRows - 1) / kBlockRows;
  }
};

struct Trailer {
  uint64_t footer_offset = 0;
  uint32_t footer_length = 0;
  uint32_t version = kSegmentVersion;
  uint64_t footer_checksum = 0;
  uint64_t file_length = 0;
};

std::string encode_header();
// Without the content hash, which is the last 8 bytes of the footer.
std::string encode_footer_body(const Footer& footer);
std::string encode_trailer(const Trailer& trailer);

// Reads what encode_* wrote. Errors say what is wrong, without the path.
Status check_header(std::string_view bytes);
Result<Trailer> decode_trailer(std::string_view bytes, uint64_t file_size);
// Checks that every extent lies before the footer and is aligned.
Result<Footer> decode_footer(std::string_view bytes, const Trailer& trailer);

// Bytes of a block's values, before its null words.
uint64_t block_value_bytes(Encoding encoding, uint32_t rows, uint8_t width);

}  // namespace freshet
