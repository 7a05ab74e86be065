#include "segments/verified_file.h"

#include <utility>

#include "segments/file_scrub.h"
#include "segments/sealed_file.h"
#include "segments/time.h"

namespace freshet {
namespace {

// Damage may pass without another stamp: a disk that answers again.
constexpr absl::Duration kLookAgain = absl::Seconds(1);

// Whether only the time of the last change of status is another: a link was
// made or went, or the rights changed. A write changes its own time, too.
bool is_touched(const FileStamp& before, FileStamp now) {
  now.changed_ns = before.changed_ns;
  return now == before;
}

}  // namespace

VerifiedFile::VerifiedFile(std::string path, std::unique_ptr<MappedFile> file,
                           const Trailer& trailer)
    : path_(std::move(path)),
      file_(std::move(file)),
      trailer_(trailer),
      seen_(file_->stamp()),
      settled_(is_settled(file_->stamp())) {}

Result<Footer> VerifiedFile::read_footer() const {
  TRY_ASSIGN(AlignedBytes bytes,
             file_->copy(trailer_.footer_offset, trailer_.footer_length));
  return decode_footer(bytes.view(), trailer_);
}

bool VerifiedFile::is_due() const {
  std::optional<FileStamp> now = stamp_of(path_);
  MutexLock lock(state_mutex_);
  if (now != seen_) return true;
  if (has_fault_.load(std::memory_order_acquire)) {
    return steady_now() > looked_ + kLookAgain;
  }
  // Without a name nobody tells what is written to it.
  return !seen_ || !settled_ || file_->guard_faulted();
}

void VerifiedFile::look_if_due() {
  if (is_due()) look();
}

Status VerifiedFile::renew() {
  TRY(file_->renew());
  Result<Footer> footer = read_footer();
  if (!footer) return in_file(path_, footer.error());  // not the same file
  return {};
}

// The stamp is taken before the bytes are looked at: a change under way shows
// at the next look.
void VerifiedFile::look() {
  std::optional<FileStamp> now = stamp_of(path_);
  bool changed = file_->guard_faulted();
  {
    MutexLock lock(state_mutex_);
    changed |=
        fault_ || (now && now != seen_ && !(seen_ && is_touched(*seen_, *now)));
  }
  Status status;
  if (changed && now) {
    status = renew();
    if (status) now = file_->stamp();
  }
  bool settled = now && is_settled(*now);
  bool worse = false;
  part_fault_.reset();
  for (VerifiedPart* part : parts_) {
    if (!status) break;
    VerifiedPart::Found found = part->look_again();
    worse |= found.worse;
    if (!part_fault_) part_fault_ = std::move(found.fault);
  }
  if (status) status = file_->status();
  MutexLock lock(state_mutex_);
  fault_ = status ? std::nullopt : std::optional(status.error());
  has_fault_ = fault_ || part_fault_;
  seen_ = now;
  settled_ = settled;
  looked_ = steady_now();
  if (changed || worse) mark_.fetch_add(1, std::memory_order_acq_rel);
}

Status VerifiedFile::status(uint64_t mark) {
  if (is_due()) {
    MutexLock lock(mutex_);
    look_if_due();
  }
  MutexLock lock(state_mutex_);
  if (fault_) return *fault_;
  if (mark_.load(std::memory_order_acquire) == mark) return {};
  return Error{ErrorCode::kConflict,
               "file changed while it was read: " + path_};
}

std::optional<Error> VerifiedFile::fault() {
  if (!has_fault_.load(std::memory_order_acquire)) return std::nullopt;
  MutexLock lock(mutex_);
  look_if_due();
  if (part_fault_) return part_fault_;
  MutexLock state(state_mutex_);
  return fault_;
}

void VerifiedFile::verify_again() {
  MutexLock lock(mutex_);
  file_->forget();
  forget_cached(path_);
  look();
}

}  // namespace freshet
