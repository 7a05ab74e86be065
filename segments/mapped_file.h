// MappedFile: the bytes of a file, read-only. The mapping outlives the file's
// name: a file may be removed while it is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "segments/result.h"

namespace freshet {

class MappedFile {
 public:
  // Maps the whole file without reading it. kNotFound, kIo, or kCorrupt for
  // an empty file; the message names the path.
  static Result<std::unique_ptr<MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  uint64_t size() const { return size_; }
  std::string_view bytes() const { return {data_, size_}; }
  // REQUIRES: the range lies in the file.
  std::string_view bytes(uint64_t offset, uint64_t length) const {
    return bytes().substr(offset, length);
  }

 private:
  MappedFile(const char* data, uint64_t size) : data_(data), size_(size) {}
  const char* data_;
  uint64_t size_;
};

}  // namespace freshet
