#include "segments/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include "segments/file_system.h"

namespace freshet {
namespace {

constexpr size_t kAlignment = 64;

Error file_error(const char* operation, const std::string& path, int code) {
  ErrorCode kind = code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error{kind, std::string("cannot ") + operation + ": " +
                         std::generic_category().message(code) + ": " + path};
}

Status check_regular(const struct stat& info, const std::string& path) {
  if (S_ISREG(info.st_mode)) return {};
  return Error{ErrorCode::kCorrupt, "not a regular file: " + path};
}

// An open file, closed with the object.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return number_; }

 private:
  const int number_;
};

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::open(const std::string& path) {
  Descriptor descriptor(::open(path.c_str(), kOpenToRead));
  if (descriptor < 0) return file_error("open", path, errno);
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return file_error("map", path, errno);
  TRY(check_regular(info, path));
  if (info.st_size == 0) {
    return Error{ErrorCode::kCorrupt, "file is empty: " + path};
  }
  void* data = ::mmap(nullptr, static_cast<size_t>(info.st_size), PROT_READ,
                      MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return file_error("map", path, errno);
  return std::unique_ptr<MappedFile>(
      new MappedFile(path, static_cast<const char*>(data), stamp_of(info)));
}

// The mark is taken away first: what cannot be read of the new mapping sets it
// again.
Status MappedFile::renew() {
  Descriptor descriptor(::open(path_.c_str(), kOpenToRead));
  if (descriptor < 0) return file_error("open", path_, errno);
  struct stat info;
  if (::fstat(descriptor, &info) != 0) return file_error("map", path_, errno);
  TRY(check_regular(info, path_));
  if (static_cast<uint64_t>(info.st_size) != size_) {
    return Error{ErrorCode::kCorrupt,
                 "file has " + std::to_string(info.st_size) + " bytes, not " +
                     std::to_string(size_) + ": " + path_};
  }
  guard_->forgive();
  if (!map_over(const_cast<char*>(data_), size_, MAP_SHARED, descriptor)) {
    return file_error("map", path_, errno);
  }
  stamp_ = stamp_of(info);
  return {};
}

void MappedFile::forget() const {
  (void)::madvise(const_cast<char*>(data_), size_, MADV_DONTNEED);
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
