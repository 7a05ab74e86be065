#include "segments/sealed_file.h"

namespace freshet {
namespace {

// Whether the file ends as those of versions we know do: then a strange version
// in the header is damage, not a newer file.
bool ends_as_known_version(const MappedFile& file) {
  if (file.size() < kHeaderBytes + kTrailerBytes) return false;
  auto trailer = decode_trailer(
      file.bytes(file.size() - kTrailerBytes, kTrailerBytes), file.size());
  return trailer.has_value();
}

Result<uint32_t> check_start(const MappedFile& file) {
  auto version = check_header(file.bytes());
  if (!version && version.error().code == ErrorCode::kUnsupported &&
      ends_as_known_version(file)) {
    return Error{ErrorCode::kCorrupt, "damaged header"};
  }
  return version;
}

Result<SealedBytes> read_ends(std::unique_ptr<MappedFile> file) {
  SealedBytes result;
  TRY_ASSIGN(uint32_t version, check_start(*file));
  if (file->size() < kHeaderBytes + kTrailerBytes) {
    return Error{ErrorCode::kCorrupt, "file has no end mark (cut short?)"};
  }
  uint64_t trailer_offset = file->size() - kTrailerBytes;
  TRY_ASSIGN(
      result.trailer,
      decode_trailer(file->bytes(trailer_offset, kTrailerBytes), file->size()));
  if (result.trailer.version != version) {
    return Error{ErrorCode::kCorrupt, "version of header and trailer differ"};
  }
  TRY_ASSIGN(result.footer,
             decode_footer(file->bytes(result.trailer.footer_offset,
                                       result.trailer.footer_length),
                           result.trailer));
  result.file = std::move(file);
  return result;
}

}  // namespace

Error in_file(const std::string& path, const Error& error) {
  return Error{error.code, path + ": " + error.message};
}

Result<SealedBytes> open_sealed_bytes(const std::string& path) {
  TRY_ASSIGN(auto file, MappedFile::open(path));
  Result<SealedBytes> bytes = read_ends(std::move(file));
  if (!bytes) return in_file(path, bytes.error());
  TRY(bytes->file->status());
  return bytes;
}

}  // namespace freshet
