// PacedFiles: a FileSystem whose written bytes are counted before they are
// written, so that a background writer can be slowed down or stopped.
#pragma once

#include <functional>

#include "segments/forwarding_files.h"

namespace freshet {

// Called with the number of bytes of each write; may wait. An error is the
// write's error.
using Pace = std::function<Status(uint64_t bytes)>;

class PacedFiles final : public ForwardingFiles {
 public:
  // `files` and `pace` outlive this.
  PacedFiles(FileSystem& files, const Pace& pace)
      : ForwardingFiles(files), pace_(pace) {}

  Result<std::unique_ptr<WritableFile>> create(
      const std::string& path) override;

 private:
  const Pace& pace_;
};

}  // namespace freshet
