// PacedFiles: a FileSystem whose written bytes are counted before they are
// written, so that a background writer can be slowed down or stopped.
#pragma once

#include <functional>

#include "segments/file_system.h"

namespace freshet {

// Called with the number of bytes of each write; may wait. An error is the
// write's error.
using Pace = std::function<Status(uint64_t bytes)>;

class PacedFiles final : public FileSystem {
 public:
  // `files` and `pace` outlive this.
  PacedFiles(FileSystem& files, const Pace& pace)
      : files_(files), pace_(pace) {}

  Result<std::unique_ptr<WritableFile>> create(
      const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Status remove(const std::string& path) override {
    return files_.remove(path);
  }
  Status link(const std::string& from, const std::string& to) override {
    return files_.link(from, to);
  }
  Status sync_folder(const std::string& path) override {
    return files_.sync_folder(path);
  }
  Status create_folders(const std::string& path) override {
    return files_.create_folders(path);
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    return files_.list(path);
  }
  Result<uint64_t> size(const std::string& path) override {
    return files_.size(path);
  }
  Result<uint64_t> free_bytes(const std::string& path) override {
    return files_.free_bytes(path);
  }

 private:
  FileSystem& files_;
  const Pace& pace_;
};

}  // namespace freshet
