#include "segments/segment_file.h"

#include <xxhash.h>

namespace freshet {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

void SegmentFile::FreeState::operator()(XXH3_state_s* state) const {
  XXH3_freeState(state);
}

SegmentFile::SegmentFile(std::unique_ptr<WritableFile> file)
    : file_(std::move(file)), state_(XXH3_createState()) {
  XXH3_64bits_reset(state_.get());
}

SegmentFile::~SegmentFile() = default;

Status SegmentFile::append(std::string_view bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
  offset_ += bytes.size();
  buffer_.append(bytes);
  return buffer_.size() < kBufferBytes ? Status() : flush();
}

Status SegmentFile::align(uint64_t alignment) {
  uint64_t rest = offset_ % alignment;
  return rest == 0 ? Status() : append(std::string(alignment - rest, '\0'));
}

Result<Extent> SegmentFile::append_extent(std::string_view bytes) {
  TRY(align(kExtentAlignment));
  Extent extent{offset_, bytes.size(), checksum_of(bytes)};
  TRY(append(bytes));
  return extent;
}

uint64_t SegmentFile::hash() const {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  return checksum_of({});  // as checksum_of does there
#else
  return XXH3_64bits_digest(state_.get());
#endif
}

Status SegmentFile::flush() {
  TRY(file_->append({buffer_.data(), buffer_.size()}));
  buffer_.clear();
  return {};
}

Status SegmentFile::finish() {
  TRY(flush());
  TRY(file_->sync());
  return file_->close();
}

}  // namespace freshet
