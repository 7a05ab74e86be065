// File -> Segment: maps a sealed file read-only. Layout: FORMAT.md.
#pragma once

#include <memory>
#include <string>

#include "segments/segment.h"

namespace freshet {

// Opens a sealed file: checks magic, version, footer checksum and that every
// extent lies inside the file. Columns are verified on first use. Unknown
// versions are refused (kUnsupported); damage is kCorrupt naming `path`.
Result<std::shared_ptr<const Segment>> open_segment(const std::string& path);

// Verifies every block of the file; kCorrupt names file, column and block.
Status verify_segment(const std::string& path);

// Text for people: header, schema, per column encoding, blocks, bytes,
// dictionary size and the first values; `rows` rows as JSON lines after it.
Result<std::string> dump_segment(const std::string& path, uint32_t rows);

}  // namespace freshet
