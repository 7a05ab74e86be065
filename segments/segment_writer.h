// Segment -> file: the seal. Layout: FORMAT.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "segments/cube.h"
#include "segments/file_system.h"
#include "segments/segment.h"

namespace freshet {

struct SealOptions {
  std::vector<std::string> sort_by;  // empty: by __time
  std::vector<CubeSpec> cubes = {};
  std::optional<CubeSpec> rollup = {};  // the rows are rolled up by it first
};

struct SealedFile {
  std::string path;
  uint64_t bytes = 0;
  uint64_t content_hash = 0;
  uint32_t num_rows = 0;
  Interval time_range;
  // Row numbers of the segment in the order written; empty: as they were.
  std::vector<uint32_t> order;
};

// Rolls up and sorts the rows of `segment`, builds dictionaries, inverted
// indexes, zone maps and those of the cubes that pay (see build_cube), and
// writes `path`: temp file beside it, fsync, rename, fsync of the folder,
// re-open and verify every checksum. On error nothing is at `path`. `id` is the
// id the sealed segment will answer to.
Result<SealedFile> write_segment(FileSystem& files, const Segment& segment,
                                 const std::string& id, const std::string& path,
                                 const SealOptions& options);

}  // namespace freshet
