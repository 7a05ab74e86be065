// FileReader: the bytes of a file front to back, unpacked if its name ends in
// .gz (zlib) or .zst (zstd). Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "segments/result.h"

namespace freshet {

class FileReader {
 public:
  // kNotFound, kIo; the message names `path`.
  static Result<std::unique_ptr<FileReader>> open(const std::string& path);
  virtual ~FileReader() = default;

  // Fills `out` from its begin; 0 at the end of the file. kCorrupt for a
  // damaged or cut archive, kIo.
  virtual Result<size_t> read(std::span<char> out) = 0;
  // Bytes of the file itself read so far, for progress.
  virtual uint64_t file_bytes() const = 0;
};

// Name without folders and without .gz or .zst: "day1.csv".
std::string unpacked_name(const std::string& path);
// Size of the file in bytes.
Result<uint64_t> file_size(const std::string& path);
// xxh3 of the file's bytes as they lie on disk. `stopped` (null: never) is
// asked now and then: its error ends it.
Result<uint64_t> file_hash(const std::string& path,
                           const std::function<Status()>& stopped = nullptr);

}  // namespace freshet
