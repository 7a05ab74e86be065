// CheckpointFiles: takes segment files into a checkpoint, as second names for
// them. A file that can have none there (its folder is on another disk, or the
// file system knows no hard links) is held open and copied later.
//
// (take* copy_rest)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "segments/file_system.h"
#include "segments/mapped_file.h"
#include "segments/result.h"

namespace freshet {

class CheckpointFiles {
 public:
  // Takes into `folder`. `files` outlives this.
  CheckpointFiles(std::string folder, FileSystem& files)
      : folder_(std::move(folder)), files_(files) {}

  // The file `from`, which must not change, as `name` below the folder. Once
  // it is taken it may be removed. Reads none of its bytes.
  Status take(const std::string& from, const std::string& name);

  // kIo, before anything is written, if the copies have no room.
  Status copy_rest();

 private:
  struct Open {
    std::unique_ptr<MappedFile> file;
    std::string to;
  };
  Status copy(const Open& open);

  const std::string folder_;
  FileSystem& files_;
  std::vector<Open> open_;
};

}  // namespace freshet
