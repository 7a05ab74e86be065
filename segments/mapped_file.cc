#include "segments/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

namespace freshet {
namespace {

constexpr size_t kAlignment = 64;

Error file_error(const char* operation, const std::string& path, int code) {
  ErrorCode kind = code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error{kind, std::string("cannot ") + operation + ": " +
                         std::generic_category().message(code) + ": " + path};
}

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return file_error("open", path, errno);
  struct stat info;
  int failed = ::fstat(descriptor, &info) != 0 ? errno : 0;
  void* data = MAP_FAILED;
  if (failed == 0 && info.st_size > 0) {
    data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ,
                  MAP_SHARED, descriptor, 0);
    if (data == MAP_FAILED) failed = errno;
  }
  ::close(descriptor);
  if (failed != 0) return file_error("map", path, failed);
  if (data == MAP_FAILED) {
    return Error{ErrorCode::kCorrupt, "file is empty: " + path};
  }
  return std::unique_ptr<MappedFile>(
      new MappedFile(path, static_cast<const char*>(data),
                     static_cast<uint64_t>(info.st_size)));
}

MappedFile::~MappedFile() {
  guard_.reset();
  ::munmap(const_cast<char*>(data_), size_);
}

AlignedBytes::AlignedBytes(std::string_view bytes)
    : bytes_(static_cast<char*>(
          ::operator new[](bytes.size() + 1, std::align_val_t{kAlignment}))),
      size_(bytes.size()) {
  std::memcpy(bytes_.get(), bytes.data(), bytes.size());
}

void AlignedBytes::Free::operator()(char* bytes) const {
  ::operator delete[](bytes, std::align_val_t{kAlignment});
}

Result<AlignedBytes> MappedFile::copy(uint64_t offset, uint64_t length) const {
  AlignedBytes copied(bytes(offset, length));
  TRY(status());
  return copied;
}

Status MappedFile::status() const {
  if (!guard_->faulted()) return {};
  return Error{ErrorCode::kIo,
               "file was cut short or cannot be read any more: " + path_};
}

}  // namespace freshet
