// SegmentFile: bytes on their way into a segment file: buffered, aligned,
// counted and hashed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "segments/file_format.h"
#include "segments/file_system.h"

struct XXH3_state_s;

namespace freshet {

class SegmentFile {
 public:
  explicit SegmentFile(std::unique_ptr<WritableFile> file);
  ~SegmentFile();

  uint64_t offset() const { return offset_; }
  Status append(std::string_view bytes);
  // Zero bytes up to a multiple of `alignment`.
  Status align(uint64_t alignment);
  // Appends the bytes, aligned, as an extent with its checksum.
  Result<Extent> append_extent(std::string_view bytes);
  // XXH3 of everything appended so far.
  uint64_t hash() const;
  // Writes what is buffered, syncs and closes.
  Status finish();

 private:
  Status flush();

  struct FreeState {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<WritableFile> file_;
  std::string buffer_;
  uint64_t offset_ = 0;
  std::unique_ptr<XXH3_state_s, FreeState> state_;
};

}  // namespace freshet
