// FaultFileSystem: the real one, whose n-th operation fails.
//
// A test runs a scenario for n = 1, 2, 3, ... until it passes; every step that
// touches the disk has then failed once. Not thread-safe.
#pragma once

#include "segments/file_system.h"

namespace freshet {

class FaultFileSystem final : public FileSystem {
 public:
  // The operation to fail, from 1; 0 = none. A failing append writes half of
  // its bytes. With `persistent`, all later operations fail too.
  void fail_at(uint64_t operation, bool persistent = false);
  // Operations seen since fail_at.
  uint64_t operations() const { return operations_; }
  bool failed() const { return failed_; }

  Result<std::unique_ptr<WritableFile>> create(
      const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_folder(const std::string& path) override;
  Status create_folders(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<uint64_t> size(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;

  // Counts an operation: the error it is to fail with, if it is the one.
  Status step(const char* operation, const std::string& path);

 private:
  uint64_t fail_at_ = 0, operations_ = 0;
  bool persistent_ = false, failed_ = false;
};

}  // namespace freshet
