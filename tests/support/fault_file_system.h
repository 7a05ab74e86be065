// FaultFileSystem: the real one, whose n-th operation fails, and which can
// forget what was never synced; RocksDB's files are among its own. They are
// below a TemporaryFolder in memory.
//
// A test runs a scenario for n = 1, 2, 3, ... until it passes; every step that
// touches the disk has then failed once. Thread-safe, as RocksDB has threads.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "segments/file_system.h"
#include "tests/support/row_model.h"

namespace freshet {

class FaultFileSystem final : public FileSystem {
 public:
  FaultFileSystem();
  ~FaultFileSystem() override;

  // The operation to fail, from 1; 0 = none. A failing append writes half of
  // its bytes; the error is EIO's or, for writes every other time, ENOSPC's.
  // With `persistent`, all later operations fail too.
  void fail_at(uint64_t operation, bool persistent = false);
  // Operations seen since fail_at.
  uint64_t operations() const;
  bool failed() const;

  // As a power cut at the worst moment: bytes written since a file's last sync
  // are gone, and so is what was made, renamed, linked or removed in a folder
  // since its last sync. REQUIRES: nobody has the files open.
  void lose_unsynced();

  Result<std::unique_ptr<WritableFile>> create(
      const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status link(const std::string& from, const std::string& to) override;
  Status sync_folder(const std::string& path) override;
  Status create_folders(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<uint64_t> size(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;
  rocksdb::Env* rocks_env() override;

  // For the files of both. Counts an operation: the error it is to fail with,
  // if it is the one.
  Status step(const char* operation, const std::string& path);
  void synced(const std::string& path);
  void folder_synced(const std::string& path);
  void created(const std::string& path);
  void linked(const std::string& to);
  // These do what they are told, too.
  Status renamed(const std::string& from, const std::string& to);
  Status removed(const std::string& path);

 private:
  // What happened to a name since its folder was synced.
  struct Change {
    enum class Kind { kMade, kRenamed, kRemoved } kind;
    std::string folder, path;
    std::string other;  // the new name, or where the removed file is kept
  };
  void note(Change::Kind kind, const std::string& path, std::string other);
  Status keep(const std::string& path);

  mutable std::recursive_mutex mutex_;
  uint64_t fail_at_ = 0, operations_ = 0;
  bool persistent_ = false, failed_ = false;
  std::vector<Change> changes_;
  std::map<std::string, uint64_t> synced_bytes_;  // by path, of new files
  TemporaryFolder removed_{true};
  uint64_t num_removed_ = 0;
  std::unique_ptr<rocksdb::Env> rocks_env_;
};

}  // namespace freshet
