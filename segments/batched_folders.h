// BatchedFolders: a FileSystem that syncs each folder once for many files
// written to it. sync_folder() only notes the folder; nothing counts as
// durable before sync_all() is done.
#pragma once

#include <set>
#include <string>

#include "segments/file_system.h"

namespace freshet {

class BatchedFolders final : public FileSystem {
 public:
  // `files` outlives this. Used by one thread.
  explicit BatchedFolders(FileSystem& files) : files_(files) {}

  // Syncs what was noted so far.
  Status sync_all();

  Status sync_folder(const std::string& path) override {
    noted_.insert(path);
    return {};
  }
  Result<std::unique_ptr<WritableFile>> create(
      const std::string& path) override {
    return files_.create(path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Status remove(const std::string& path) override {
    return files_.remove(path);
  }
  Status link(const std::string& from, const std::string& to) override {
    return files_.link(from, to);
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
  std::set<std::string> noted_;
};

}  // namespace freshet
