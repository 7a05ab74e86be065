#include "ingest/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace freshet {
namespace {

constexpr size_t kBlock = 256 << 10;

Error file_error(const std::string& what, const std::string& path) {
  ErrorCode code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error{code, what + " (" + std::strerror(errno) + "): " + path};
}

class PlainReader final : public FileReader {
 public:
  PlainReader(int file, std::string path)
      : file_(file), path_(std::move(path)) {}
  ~PlainReader() override { ::close(file_); }

  Result<size_t> read(std::span<char> out) override {
    for (;;) {
      ssize_t count = ::read(file_, out.data(), out.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return file_error("the file cannot be read", path_);
      bytes_ += static_cast<uint64_t>(count);
      return static_cast<size_t>(count);
    }
  }
  uint64_t file_bytes() const override { return bytes_; }

 private:
  const int file_;
  const std::string path_;
  uint64_t bytes_ = 0;
};

// What gzip and zstd share: blocks of packed bytes from a PlainReader.
class PackedReader : public FileReader {
 public:
  PackedReader(std::unique_ptr<FileReader> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)), packed_(kBlock) {}
  uint64_t file_bytes() const override { return file_->file_bytes(); }

 protected:
  // Reads more packed bytes if all are used; false at the end of the file.
  Result<bool> fill() {
    if (used_ < size_) return true;
    TRY_ASSIGN(size_, file_->read(packed_));
    used_ = 0;
    return size_ > 0;
  }
  Error damaged(const char* why) const {
    return Error{ErrorCode::kCorrupt,
                 std::string("the archive is damaged (") + why + "): " + path_};
  }

  std::unique_ptr<FileReader> file_;
  const std::string path_;
  std::vector<char> packed_;
  size_t used_ = 0;
  size_t size_ = 0;
};

class GzipReader final : public PackedReader {
 public:
  using PackedReader::PackedReader;
  ~GzipReader() override { inflateEnd(&stream_); }
  // 16: gzip headers only.
  bool start() { return inflateInit2(&stream_, 15 + 16) == Z_OK; }

  Result<size_t> read(std::span<char> out) override {
    for (;;) {
      TRY_ASSIGN(bool more, fill());
      if (!more) {
        if (inside_) return damaged("it ends too early");
        return size_t{0};
      }
      if (!inside_) {
        inflateReset(&stream_);  // a file may hold several members
        inside_ = true;
      }
      stream_.next_in = reinterpret_cast<Bytef*>(packed_.data() + used_);
      stream_.avail_in = static_cast<uInt>(size_ - used_);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data());
      stream_.avail_out = static_cast<uInt>(out.size());
      int code = inflate(&stream_, Z_NO_FLUSH);
      used_ = size_ - stream_.avail_in;
      if (code == Z_STREAM_END) inside_ = false;
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        return damaged(stream_.msg != nullptr ? stream_.msg : "gzip");
      }
      size_t count = out.size() - stream_.avail_out;
      if (count > 0) return count;
    }
  }

 private:
  z_stream stream_{};
  bool inside_ = false;
};

class ZstdReader final : public PackedReader {
 public:
  using PackedReader::PackedReader;
  ~ZstdReader() override { ZSTD_freeDStream(stream_); }
  bool start() { return stream_ != nullptr; }

  Result<size_t> read(std::span<char> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    for (;;) {
      TRY_ASSIGN(bool more, fill());
      if (!more) {
        if (inside_) return damaged("it ends too early");
        return size_t{0};
      }
      ZSTD_inBuffer from{packed_.data(), size_, used_};
      size_t code = ZSTD_decompressStream(stream_, &to, &from);
      used_ = from.pos;
      if (ZSTD_isError(code)) return damaged(ZSTD_getErrorName(code));
      inside_ = code != 0;
      if (to.pos > 0) return to.pos;
    }
  }

 private:
  ZSTD_DStream* stream_ = ZSTD_createDStream();
  bool inside_ = false;
};

template <class Reader>
Result<std::unique_ptr<FileReader>> start(std::unique_ptr<FileReader> file,
                                          const std::string& path) {
  auto reader = std::make_unique<Reader>(std::move(file), path);
  if (!reader->start()) {
    return Error{ErrorCode::kLimit, "no memory to unpack " + path};
  }
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace

Result<std::unique_ptr<FileReader>> FileReader::open(const std::string& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return file_error("the file cannot be opened", path);
  std::unique_ptr<FileReader> plain = std::make_unique<PlainReader>(file, path);
  if (path.ends_with(".gz")) return start<GzipReader>(std::move(plain), path);
  if (path.ends_with(".zst")) return start<ZstdReader>(std::move(plain), path);
  return plain;
}

std::string unpacked_name(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".zst")) name.resize(name.size() - 4);
  return name;
}

Result<uint64_t> file_size(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    return file_error("the file cannot be opened", path);
  }
  if (!S_ISREG(info.st_mode)) return invalid("not a file: " + path);
  return static_cast<uint64_t>(info.st_size);
}

Result<uint64_t> file_hash(const std::string& path,
                           const std::function<Status()>& stopped) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return file_error("the file cannot be opened", path);
  PlainReader reader(file, path);
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(
      XXH3_createState(), XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::vector<char> block(kBlock);
  for (;;) {
    if (stopped) TRY(stopped());
    TRY_ASSIGN(size_t count, reader.read(block));
    if (count == 0) return uint64_t{XXH3_64bits_digest(state.get())};
    XXH3_64bits_update(state.get(), block.data(), count);
  }
}

}  // namespace freshet
