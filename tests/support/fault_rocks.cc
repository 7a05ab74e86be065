#include "tests/support/fault_rocks.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <filesystem>

namespace freshet {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSRandomAccessFile;
using rocksdb::FSSequentialFile;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// Never NoSpace: after one Debian's RocksDB ends the process by an assertion,
// from which segments/disk_room keeps it.
IOStatus as_io(const Status& status) {
  if (status) return IOStatus::OK();
  return IOStatus::IOError(status.error().message);
}

class FaultRocksFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultRocksFile(FaultFileSystem& files, std::unique_ptr<FSWritableFile> file,
                 std::string path)
      : FSWritableFileOwnerWrapper(std::move(file)),
        files_(files),
        path_(std::move(path)) {}

  IOStatus Append(const Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    Status status = files_.step("append", path_);
    if (status) {
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    IOStatus half = FSWritableFileOwnerWrapper::Append(
        Slice(data.data(), data.size() / 2), options, debug);
    return half.ok() ? as_io(status) : half;
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    Status status = files_.step("sync", path_);
    if (!status) return as_io(status);
    IOStatus done = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (done.ok()) files_.synced(path_);
    return done;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    Status status = files_.step("close", path_);
    if (!status) return as_io(status);
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }
  // No room ahead of what is written: a file's size is what it holds.
  IOStatus Allocate(uint64_t, uint64_t, const IOOptions&,
                    IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  FaultFileSystem& files_;
  const std::string path_;
};

class FaultRocksFolder final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultRocksFolder(FaultFileSystem& files, std::unique_ptr<FSDirectory> folder,
                   std::string path)
      : FSDirectoryWrapper(std::move(folder)),
        files_(files),
        path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    Status status = files_.step("sync folder", path_);
    if (!status) return as_io(status);
    IOStatus done = FSDirectoryWrapper::Fsync(options, debug);
    if (done.ok()) files_.folder_synced(path_);
    return done;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions&) override {
    return Fsync(options, debug);
  }

 private:
  FaultFileSystem& files_;
  const std::string path_;
};

class FaultRocksFiles final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultRocksFiles(FaultFileSystem& files)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), files_(files) {}
  const char* Name() const override { return "FaultRocksFiles"; }

  IOStatus NewSequentialFile(const std::string& path,
                             const FileOptions& options,
                             std::unique_ptr<FSSequentialFile>* file,
                             IODebugContext* debug) override {
    Status status = files_.step("open", path);
    if (!status) return as_io(status);
    return FileSystemWrapper::NewSequentialFile(path, options, file, debug);
  }
  IOStatus NewRandomAccessFile(const std::string& path,
                               const FileOptions& options,
                               std::unique_ptr<FSRandomAccessFile>* file,
                               IODebugContext* debug) override {
    Status status = files_.step("open", path);
    if (!status) return as_io(status);
    return FileSystemWrapper::NewRandomAccessFile(path, options, file, debug);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file,
                           IODebugContext* debug) override {
    Status status = files_.step("create", path);
    if (!status) return as_io(status);
    std::unique_ptr<FSWritableFile> made;
    IOStatus done =
        FileSystemWrapper::NewWritableFile(path, options, &made, debug);
    if (!done.ok()) return done;
    files_.created(path);
    *file = std::make_unique<FaultRocksFile>(files_, std::move(made), path);
    return done;
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<FSDirectory>* folder,
                        IODebugContext* debug) override {
    std::unique_ptr<FSDirectory> made;
    IOStatus done =
        FileSystemWrapper::NewDirectory(path, options, &made, debug);
    if (!done.ok()) return done;
    // Without the slash that RocksDB may put behind it.
    std::string name = (std::filesystem::path(path) / "").parent_path();
    *folder = std::make_unique<FaultRocksFolder>(files_, std::move(made), name);
    return done;
  }
  IOStatus GetChildren(const std::string& path, const IOOptions& options,
                       std::vector<std::string>* names,
                       IODebugContext* debug) override {
    Status status = files_.step("list", path);
    if (!status) return as_io(status);
    return FileSystemWrapper::GetChildren(path, options, names, debug);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&,
                      IODebugContext*) override {
    Status status = files_.step("remove", path);
    return as_io(status ? files_.removed(path) : status);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to,
                      const IOOptions&, IODebugContext*) override {
    Status status = files_.step("rename", from);
    return as_io(status ? files_.renamed(from, to) : status);
  }
  IOStatus LinkFile(const std::string& from, const std::string& to,
                    const IOOptions& options, IODebugContext* debug) override {
    Status status = files_.step("link", from);
    if (!status) return as_io(status);
    IOStatus done = FileSystemWrapper::LinkFile(from, to, options, debug);
    if (done.ok()) files_.linked(to);
    return done;
  }

 private:
  FaultFileSystem& files_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> fault_rocks_env(FaultFileSystem& files) {
  return rocksdb::NewCompositeEnv(std::make_shared<FaultRocksFiles>(files));
}

}  // namespace freshet
