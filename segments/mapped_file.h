// MappedFile: the bytes of a file, read-only. The mapping outlives the file's
// name: a file may be removed while it is read. A file that is cut short, or
// that the disk no longer gives, reads as zeros from then on and status() says
// so (MappingGuard); it never ends the process.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "segments/file_stamp.h"
#include "segments/mapping_guard.h"
#include "segments/result.h"

namespace freshet {

// Bytes in memory, aligned for bitmaps.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::string_view bytes);
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* bytes) const;
  };
  std::unique_ptr<char[], Free> bytes_;
  size_t size_ = 0;
};

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
  // A copy of a range, for what a reader relies on to stay inside the mapping
  // (tables, dictionaries), as against values, which may turn to zeros at any
  // time. What it gives is what was in the file.
  Result<AlignedBytes> copy(uint64_t offset, uint64_t length) const;
  // kIo once a read could not be served; names the path. Any thread.
  Status status() const;
  // Gives back the pages that are mapped: the next reads ask the system, and
  // the disk if that has forgotten them too (forget_cached).
  void forget() const;
  bool guard_faulted() const { return guard_->faulted(); }
  // Of the file when it was mapped.
  const FileStamp& stamp() const { return stamp_; }

  // Maps the file that has the name now in place of the bytes so far, at the
  // same address and in one step for those who read meanwhile; what could not
  // be read is read again. kNotFound, kIo, or kCorrupt for one of another
  // size: then all stays as it was. One thread at a time.
  Status renew();

 private:
  MappedFile(std::string path, const char* data, const FileStamp& stamp)
      : path_(std::move(path)),
        data_(data),
        size_(stamp.size),
        guard_(std::in_place, data, stamp.size),
        stamp_(stamp) {}
  const std::string path_;
  const char* const data_;
  const uint64_t size_;
  std::optional<MappingGuard> guard_;
  FileStamp stamp_;
};

}  // namespace freshet
