#include "segments/file_scrub.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <system_error>

#include "segments/file_format.h"
#include "segments/file_system.h"

namespace freshet {
namespace {

constexpr uint64_t kChunk = 1 << 20;
constexpr uint64_t kSector = 4096;  // what direct reads are aligned to
constexpr uint64_t kHashBytes = 8;

Error read_error(const std::string& path, int code) {
  ErrorCode kind = code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error{
      kind, path + ": cannot read: " + std::generic_category().message(code)};
}

Error damaged(const std::string& path, const std::string& what) {
  return Error{ErrorCode::kCorrupt, path + ": " + what};
}

struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};
using HashState = std::unique_ptr<XXH3_state_t, FreeState>;

HashState new_state() {
  HashState state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  return state;
}

// The part of [at, at + bytes) that lies in [begin, end).
std::string_view part_of(std::string_view bytes, uint64_t at, uint64_t begin,
                         uint64_t end) {
  uint64_t from = std::clamp(begin, at, at + bytes.size()) - at;
  uint64_t to = std::clamp(end, at, at + bytes.size()) - at;
  return from < to ? bytes.substr(from, to - from) : std::string_view();
}

class Scrub {
 public:
  explicit Scrub(const std::string& path)
      : path_(path),
        buffer_(static_cast<char*>(
            ::operator new[](kChunk, std::align_val_t{kSector}))) {}
  ~Scrub() {
    if (descriptor_ >= 0) ::close(descriptor_);
    ::operator delete[](buffer_, std::align_val_t{kSector});
  }
  Scrub(const Scrub&) = delete;
  Scrub& operator=(const Scrub&) = delete;

  Status run(uint64_t content_hash, const Pace& pace) {
    TRY(open());
    if (size_ < kHeaderBytes + kTrailerBytes + kHashBytes) {
      return damaged(path_, "file has no end mark (cut short?)");
    }
    TRY_ASSIGN(Trailer trailer, read_trailer());
    const uint64_t content_end = size_ - kTrailerBytes - kHashBytes;
    HashState content = new_state(), footer = new_state();
    for (uint64_t at = 0; at < size_; at += kChunk) {
      if (pace) TRY(pace(std::min(kChunk, size_ - at)));
      TRY_ASSIGN(std::string_view bytes, read(at, kChunk));
      add(content, part_of(bytes, at, 0, content_end));
      add(footer,
          part_of(bytes, at, trailer.footer_offset, size_ - kTrailerBytes));
    }
    if (XXH3_64bits_digest(content.get()) != content_hash) {
      return damaged(path_, "the bytes on the disk are not those committed");
    }
    if (XXH3_64bits_digest(footer.get()) != trailer.footer_checksum) {
      return damaged(path_, "checksum of the footer differs on the disk");
    }
    return {};
  }

 private:
  static void add(const HashState& state, std::string_view bytes) {
    XXH3_64bits_update(state.get(), bytes.data(), bytes.size());
  }

  Status open() {
    descriptor_ = ::open(path_.c_str(), kOpenToRead | O_DIRECT);
    direct_ = descriptor_ >= 0;
    if (!direct_) descriptor_ = ::open(path_.c_str(), kOpenToRead);
    struct stat info;
    if (descriptor_ < 0 || ::fstat(descriptor_, &info) != 0) {
      return read_error(path_, errno);
    }
    if (!S_ISREG(info.st_mode)) {
      return damaged(path_, "not a regular file");
    }
    size_ = static_cast<uint64_t>(info.st_size);
    return {};
  }

  // REQUIRES: `at` is a multiple of a sector.
  Result<std::string_view> read(uint64_t at, uint64_t most) {
    uint64_t want = std::min(most, size_ - at), have = 0;
    while (have < want) {
      ssize_t count =
          ::pread(descriptor_, buffer_ + have, std::min(kChunk, most) - have,
                  static_cast<off_t>(at + have));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EINVAL && direct_) {
        TRY(read_through_cache());
        continue;
      }
      if (count < 0) return read_error(path_, errno);
      if (count == 0) return damaged(path_, "file was cut short");
      have += static_cast<uint64_t>(count);
    }
    if (!direct_) {
      (void)::posix_fadvise(descriptor_, static_cast<off_t>(at),
                            static_cast<off_t>(want), POSIX_FADV_DONTNEED);
    }
    return std::string_view(buffer_, want);
  }

  // Where the file system has no direct reads, or not of this alignment.
  Status read_through_cache() {
    direct_ = false;
    int flags = ::fcntl(descriptor_, F_GETFL);
    if (flags < 0 || ::fcntl(descriptor_, F_SETFL, flags & ~O_DIRECT) < 0) {
      return read_error(path_, errno);
    }
    (void)::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
    return {};
  }

  Result<Trailer> read_trailer() {
    uint64_t begin = size_ - kTrailerBytes;
    uint64_t at = begin / kSector * kSector;
    TRY_ASSIGN(std::string_view bytes, read(at, 2 * kSector));
    Result<Trailer> trailer =
        decode_trailer(bytes.substr(begin - at, kTrailerBytes), size_);
    if (!trailer) return damaged(path_, trailer.error().message);
    return trailer;
  }

  const std::string& path_;
  char* const buffer_;
  int descriptor_ = -1;
  bool direct_ = false;
  uint64_t size_ = 0;
};

}  // namespace

Status scrub_file(const std::string& path, uint64_t content_hash,
                  const Pace& pace) {
  return Scrub(path).run(content_hash, pace);
}

void forget_cached(const std::string& path) {
  int descriptor = ::open(path.c_str(), kOpenToRead);
  if (descriptor < 0) return;
  (void)::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

}  // namespace freshet
