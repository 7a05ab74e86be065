#include "server/http/content_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "server/http/ascii.h"

namespace freshet {
namespace {

constexpr size_t kBombFloor = 1 << 20;
constexpr size_t kBombRatio = 250;
constexpr size_t kStep = 64 << 10;
constexpr int kGzipWindow = 15 + 16;  // the largest, with gzip's own header
// A frame that wants a larger window than this (8 MiB, what RFC 8878 asks all
// to support) is refused before its memory is allocated.
constexpr int kZstdWindowLog = 23;

Status check_size(size_t out, size_t in, size_t max_bytes) {
  if (out > max_bytes) {
    return Error{ErrorCode::kLimit,
                 "the body is larger than allowed once decompressed, bytes: " +
                     std::to_string(max_bytes)};
  }
  if (out > kBombFloor && out / kBombRatio >= std::max<size_t>(in, 1)) {
    return Error{ErrorCode::kLimit,
                 "the body is compressed more than 250 to 1"};
  }
  return {};
}

Result<std::string> inflate_gzip(const std::string& body, size_t max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) {
    return Error{ErrorCode::kInternal, "zlib cannot start"};
  }
  auto end = [](z_stream* s) { inflateEnd(s); };
  std::unique_ptr<z_stream, decltype(end)> guard(&stream, end);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  int code = Z_OK;
  while (true) {
    size_t have = out.size();
    out.resize(have + kStep);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + have);
    stream.avail_out = kStep;
    code = inflate(&stream, Z_NO_FLUSH);
    out.resize(have + kStep - stream.avail_out);
    TRY(check_size(out.size(), body.size(), max_bytes));
    if (code == Z_STREAM_END && stream.avail_in > 0) {
      if (inflateReset(&stream) != Z_OK) break;  // gzip may be several members
      continue;
    }
    if (code == Z_STREAM_END) return out;
    if (code != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) break;
  }
  return invalid(code == Z_OK || code == Z_BUF_ERROR
                     ? "the gzip body ends too early"
                     : "the body is not gzip");
}

Result<std::string> inflate_zstd(const std::string& body, size_t max_bytes) {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(
      ZSTD_createDCtx(), &ZSTD_freeDCtx);
  if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(
                      context.get(), ZSTD_d_windowLogMax, kZstdWindowLog))) {
    return Error{ErrorCode::kInternal, "zstd cannot start"};
  }
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  std::string out;
  size_t wanted = 1;  // 0 at the end of a frame
  while (in.pos < in.size || wanted != 0) {
    size_t have = out.size();
    out.resize(have + kStep);
    ZSTD_outBuffer step{out.data() + have, kStep, 0};
    wanted = ZSTD_decompressStream(context.get(), &step, &in);
    out.resize(have + step.pos);
    if (ZSTD_isError(wanted)) {
      return invalid(std::string("the body is not zstd: ") +
                     ZSTD_getErrorName(wanted));
    }
    TRY(check_size(out.size(), body.size(), max_bytes));
    if (wanted != 0 && in.pos == in.size && step.pos < kStep) {
      return invalid("the zstd body ends too early");
    }
  }
  return out;
}

}  // namespace

Result<std::string> undo_coding(std::string_view coding, std::string body,
                                size_t max_bytes) {
  coding = trim_blanks(coding);
  if (coding.empty() || equal_ignoring_case(coding, "identity")) return body;
  if (equal_ignoring_case(coding, "gzip") ||
      equal_ignoring_case(coding, "x-gzip")) {
    return inflate_gzip(body, max_bytes);
  }
  if (equal_ignoring_case(coding, "zstd")) return inflate_zstd(body, max_bytes);
  return Error{
      ErrorCode::kUnsupported,
      "content codings are gzip and zstd, not: " + std::string(coding)};
}

std::string gzip_body(std::string_view body) {
  z_stream stream{};
  if (deflateInit2(&stream, 1, Z_DEFLATED, kGzipWindow, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  int code = deflate(&stream, Z_FINISH);
  out.resize(code == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace freshet
