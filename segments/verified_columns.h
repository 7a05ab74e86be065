// VerifiedColumns: the columns of one table of a segment file (its rows, or a
// cube), each verified when it is first asked for and again when the file has
// changed. A damaged column is an error for those who ask for it; the others
// go on.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "segments/sealed_column.h"
#include "segments/verified_file.h"

namespace freshet {

class VerifiedColumns final : public VerifiedPart {
 public:
  // Opens and verifies the column at a position.
  using Open = std::function<Result<std::unique_ptr<SealedColumn>>(size_t)>;

  // `place` begins the errors: the path, and the cube's name. `file` outlives
  // this.
  VerifiedColumns(VerifiedFile& file, std::string place, size_t count,
                  Open open);

  // Valid as long as this. Thread-safe, and one load once it is verified.
  Result<const Column*> column(size_t position) {
    const SealedColumn* sound =
        sound_[position].load(std::memory_order_acquire);
    if (sound != nullptr) return sound;
    return verified(position);
  }

  Found look_again() override;

 private:
  struct Entry {
    std::unique_ptr<SealedColumn> column;  // stays for those who have it
    std::optional<Error> fault;
  };
  Result<const Column*> verified(size_t position);
  void verify(size_t position);

  VerifiedFile& file_;
  const std::string place_;
  const Open open_;
  // Those that may be read; null: not opened, or damaged.
  std::vector<std::atomic<const SealedColumn*>> sound_;
  std::vector<Entry> entries_;  // under the file's mutex; empty before one
};

}  // namespace freshet
