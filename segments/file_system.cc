#include "segments/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace freshet {
namespace {

Error io_error(const char* operation, const std::string& path, int code) {
  return Error{ErrorCode::kIo, std::string("cannot ") + operation + ": " +
                                   std::generic_category().message(code) +
                                   ": " + path};
}

class RealFile final : public WritableFile {
 public:
  RealFile(int descriptor, std::string path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  ~RealFile() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Status append(std::span<const char> bytes) override {
    while (!bytes.empty()) {
      ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return io_error("write", path_, errno);
      bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return {};
  }

  Status sync() override {
    if (::fdatasync(descriptor_) != 0) return io_error("sync", path_, errno);
    return {};
  }

  Status close() override {
    int descriptor = std::exchange(descriptor_, -1);
    if (::close(descriptor) != 0) return io_error("close", path_, errno);
    return {};
  }

 private:
  int descriptor_;
  std::string path_;
};

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> create(
      const std::string& path) override {
    int descriptor =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) return io_error("create", path, errno);
    return std::unique_ptr<WritableFile>(
        std::make_unique<RealFile>(descriptor, path));
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) {
      return io_error("rename", from, errno);
    }
    return {};
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return io_error("remove", path, errno);
    return {};
  }

  Status link(const std::string& from, const std::string& to) override {
    if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                 AT_SYMLINK_FOLLOW) != 0) {
      return io_error("link", from, errno);
    }
    return {};
  }

  Status sync_folder(const std::string& path) override {
    int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return io_error("open folder", path, errno);
    int failed = ::fsync(descriptor) != 0 ? errno : 0;
    ::close(descriptor);
    if (failed != 0) return io_error("sync folder", path, failed);
    return {};
  }

  Status create_folders(const std::string& path) override {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) return io_error("create folder", path, code.value());
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    std::error_code code;
    std::vector<std::string> names;
    std::filesystem::directory_iterator it(path, code), end;
    for (; !code && it != end; it.increment(code)) {
      names.push_back(it->path().filename().string());
    }
    if (code) return io_error("list", path, code.value());
    return names;
  }

  Result<uint64_t> size(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return io_error("stat", path, errno);
    return static_cast<uint64_t>(info.st_size);
  }

  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs info;
    if (::statvfs(path.c_str(), &info) != 0) {
      return io_error("read free space of", path, errno);
    }
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }
};

}  // namespace

FileSystem& real_file_system() {
  static RealFileSystem files;  // stateless
  return files;
}

Status append_all(WritableFile& file, std::string_view bytes) {
  constexpr size_t kPiece = 1 << 20;
  for (size_t at = 0; at < bytes.size(); at += kPiece) {
    TRY(file.append(bytes.substr(at, kPiece)));
  }
  return {};
}

}  // namespace freshet
