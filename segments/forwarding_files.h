// ForwardingFiles: a FileSystem that hands everything to another one; those
// that change some of it override that.
#pragma once

#include "segments/file_system.h"

namespace freshet {

class ForwardingFiles : public FileSystem {
 public:
  // `files` outlives this.
  explicit ForwardingFiles(FileSystem& files) : files_(files) {}

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
  rocksdb::Env* rocks_env() override { return files_.rocks_env(); }

 protected:
  FileSystem& files_;
};

}  // namespace freshet
