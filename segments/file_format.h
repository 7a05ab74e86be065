// The parts of a sealed file that say where everything is. FORMAT.md has the
// same byte by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "segments/cube.h"
#include "segments/integer_block.h"
#include "segments/rollup.h"
#include "segments/schema.h"
#include "segments/segment.h"
#include "segments/time.h"

namespace freshet {

inline constexpr char kSegmentMagic[9] = "FRSHSEG1";
// What is written; read are this one and those before it.
inline constexpr uint32_t kSegmentVersion = 2;
inline constexpr uint64_t kHeaderBytes = 64;
inline constexpr uint64_t kTrailerBytes = 40;
inline constexpr uint64_t kExtentAlignment = 64;
inline constexpr uint64_t kPageBytes = 4096;
inline constexpr uint64_t kBlockAlignment = 8;
inline constexpr uint64_t kBitmapAlignment = 32;
// After the values of a block in which some rows are null, but not all.
inline constexpr uint64_t kNullBytes = kBlockRows / 8;

// XXH3, 64 bits, seed 0.
uint64_t checksum_of(std::string_view bytes);

// A run of bytes in the file.
struct Extent {
  uint64_t offset = 0, length = 0;
  uint64_t checksum = 0;
};

// What the blocks of a column hold; how, each block's codec says.
enum class Encoding : uint8_t {
  kLongs = 1,
  kDoubles = 2,
  kIds = 3,         // of a dictionary
  kDerivedIds = 4,  // of a dictionary, by the ids of another column
};

// One block of one column; the block table of a column is an array of these.
struct BlockEntry {
  uint64_t offset = 0;  // from the start of the column's blocks extent
  uint64_t checksum = 0;
  int64_t min = 0, max = 0;  // of non-null values; doubles by their bits
  uint32_t length = 0;       // bytes
  uint32_t num_nulls = 0;
  uint8_t width = 0;  // bits of a packed value; 64 for raw doubles
  BlockCodec codec = BlockCodec::kPacked;
  uint8_t exponent = 0;  // kDecimal
  uint8_t reserved = 0;
  uint32_t parameter = 1;  // factor of integers; exceptions of kDecimal
};
static_assert(sizeof(BlockEntry) == 48);

struct ColumnFooter {
  ColumnSpec spec;
  Encoding encoding = Encoding::kLongs;
  uint32_t num_nulls = 0;
  int64_t min = 0, max = 0;      // as in BlockEntry, over the column
  uint32_t dictionary_size = 0;  // ids, null included; 0 if no string
  Extent blocks;                 // its checksum is 0: each block has its own
  Extent block_table;
  Extent dictionary;
  Extent index_directory;  // length 0: no inverted index
  Extent index;
  uint32_t base = 0;  // kDerivedIds: position of the other column
  Extent derivation;  // kDerivedIds: u32 id by id of the base
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
  std::optional<Rollup> rollup;  // not in version 1
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

// Reads what encode_* wrote, in this version or an earlier one. Errors say what
// is wrong, without the path. The header's is its version.
Result<uint32_t> check_header(std::string_view bytes);
Result<Trailer> decode_trailer(std::string_view bytes, uint64_t file_size);
// Checks that every extent lies before the footer and is aligned.
Result<Footer> decode_footer(std::string_view bytes, const Trailer& trailer);

}  // namespace freshet
