// VerifiedFile: a mapped segment file, and whether what was verified in it
// still holds.
//
// Bytes are verified when they are first needed, and believed for as long as
// the file's stamp stays the same (FileStamp). Reads are not guarded one by
// one; whoever answers from them asks at the end, as with a sequence lock:
//
//   mark() -> reads -> status(mark)
//
// If the stamp is another by then, all that was verified is verified again and
// the mark moves on, so that everybody who read meanwhile hears of it and can
// read again. Thread-safe.
#pragma once

#include <absl/time/clock.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "segments/file_format.h"
#include "segments/mapped_file.h"
#include "segments/mutex.h"

namespace freshet {

// Parts of the file that were verified: the columns of one table.
class VerifiedPart {
 public:
  struct Found {
    std::optional<Error> fault;  // of what is damaged now, the first
    bool worse = false;          // something is that was believed before
  };
  virtual ~VerifiedPart() = default;
  // Verifies again what was verified. Called with the file's mutex held.
  virtual Found look_again() = 0;
};

class VerifiedFile {
 public:
  // A file whose ends were checked.
  VerifiedFile(std::string path, std::unique_ptr<MappedFile> file,
               const Trailer& trailer);

  const MappedFile& file() const { return *file_; }
  const std::string& path() const { return path_; }
  // Of the file that was opened; kCorrupt, without the path, if the bytes are
  // others by now.
  Result<Footer> read_footer() const;

  uint64_t mark() const { return mark_.load(std::memory_order_acquire); }
  // Whether all that was read since `mark` was as verified. kConflict: the
  // file changed meanwhile, read again. kIo, kCorrupt: it is damaged as a
  // whole (cut short, unreadable, another one); looked at again when its stamp
  // changes and after a second. Damage of a column is the column's error.
  Status status(uint64_t mark);
  // What is damaged by what is known, file or columns; looked at again as in
  // status(), so that it goes when the right bytes are back.
  std::optional<Error> fault();
  // Reads all that was verified again, from the disk where the system lets go
  // of its pages, whatever the stamp says.
  void verify_again();

  // For parts. Serialises verification.
  Mutex& mutex() ABSL_LOCK_RETURNED(mutex_) { return mutex_; }
  // `part` stays as long as this.
  void add(VerifiedPart* part) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    parts_.push_back(part);
  }
  // A part found damage when it verified something for the first time.
  void note_fault() { has_fault_.store(true, std::memory_order_release); }
  // As verify_again() where it is due: the stamp is another, or something is
  // damaged and was not looked at for a second.
  void look_if_due() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

 private:
  bool is_due() const;
  void look() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status renew();

  const std::string path_;
  const std::unique_ptr<MappedFile> file_;
  const Trailer trailer_;
  std::atomic<uint64_t> mark_{0};
  std::atomic<bool> has_fault_{false};  // of the file or a part
  Mutex mutex_;
  std::vector<VerifiedPart*> parts_ ABSL_GUARDED_BY(mutex_);
  std::optional<Error> part_fault_ ABSL_GUARDED_BY(mutex_);
  mutable Mutex state_mutex_;  // taken after mutex_, and never for long
  // The stamp for which what is verified holds; nothing if the name is gone.
  std::optional<FileStamp> seen_ ABSL_GUARDED_BY(state_mutex_);
  bool settled_ ABSL_GUARDED_BY(state_mutex_) = false;
  std::optional<Error> fault_ ABSL_GUARDED_BY(state_mutex_);  // of the file
  absl::Time looked_ ABSL_GUARDED_BY(state_mutex_) = absl::InfinitePast();
};

}  // namespace freshet
