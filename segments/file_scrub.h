// Reads a whole segment file from the disk and compares it with what was
// committed, past the system's cache of it where the file system allows that:
// a page that is cached hides what became of the disk below it.
#pragma once

#include <cstdint>
#include <string>

#include "segments/paced_files.h"
#include "segments/result.h"

namespace freshet {

// Calls `pace` before each read. kCorrupt: the bytes are others, or fewer;
// kIo: they cannot be read; kNotFound; each names the path. Else the errors of
// `pace`.
Status scrub_file(const std::string& path, uint64_t content_hash,
                  const Pace& pace);

// Asks the system to forget what it has cached of the file. Pages that are
// mapped stay (MappedFile::forget).
void forget_cached(const std::string& path);

}  // namespace freshet
