// FileSystem: the seam between the store and the disk, so that tests can make
// any operation fail. Errors are kIo with path, operation and errno text.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "segments/result.h"

namespace rocksdb {
class Env;
}

namespace freshet {

// A file being written, front to back. Destroying it closes without syncing.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual Status append(std::span<const char> bytes) = 0;
  virtual Status sync() = 0;  // fdatasync; durable when it returns
  virtual Status close() = 0;
};

// Appends in pieces, so that what paces or counts writes comes in between.
Status append_all(WritableFile& file, std::string_view bytes);

// To open what should be a file: a pipe in its place is not waited for.
inline constexpr int kOpenToRead = O_RDONLY | O_NONBLOCK | O_CLOEXEC;

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<WritableFile>> create(
      const std::string& path) = 0;  // truncates
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;
  // A second name for the same file; of a symbolic link, for what it leads to.
  virtual Status link(const std::string& from, const std::string& to) = 0;
  virtual Status sync_folder(const std::string& path) = 0;
  virtual Status create_folders(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  virtual Result<uint64_t> size(const std::string& path) = 0;
  // Bytes free to this process on the disk of `path`.
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
  // Through what RocksDB reaches the same disk; outlives every store on it.
  // nullptr: its own default.
  virtual rocksdb::Env* rocks_env() { return nullptr; }
};

// The operating system's. Lives for the whole process.
FileSystem& real_file_system();

}  // namespace freshet
