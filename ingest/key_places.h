// KeyPlaces: which segment a KeyEntry means, and where its row has come to
// since. The store tells of rows that move (seal, merge); entries are put
// right when they are next looked at.
//
// For each segment that was replaced it keeps where each row went, 4 bytes a
// row, until every entry was looked at (release); beyond a limit in files
// without a name, which the kernel may write out.
//
// moved() may be called by any thread, the rest by the ingestion thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/key_spill.h"
#include "segments/mutex.h"
#include "segments/row_moves.h"

namespace freshet {

class RowMap;  // new rows by old row

class KeyPlaces {
 public:
  // `folder` is for files without a name.
  explicit KeyPlaces(std::string folder);
  ~KeyPlaces();

  void moved(RowMoves moves);
  // Takes in what moved() was told; true if that was anything.
  bool take_moves();

  // The number that stands for a segment.
  uint32_t number_of(const std::string& id);
  // Empty once it was replaced.
  const std::string& id_of(uint32_t number) const;

  // Follows the entry's row to where it is now; false if it is gone.
  bool resolve(KeyEntry& entry) const;

  // Rows of replaced segments that are kept track of.
  uint64_t tracked_rows() const { return tracked_rows_; }
  // What take_moves() has taken in so far, as a number for release().
  uint64_t version() const { return version_; }
  // Every entry was resolved since take_moves() made that version.
  void release(uint64_t version);

 private:
  struct Segment {
    std::string id;
    bool gone = false;      // its rows are nowhere
    uint32_t moved_to = 0;  // if `rows`
    std::unique_ptr<RowMap> rows;
    uint64_t version = 0;  // when it was replaced
  };
  void replace(const RowMoves::Move& move);
  std::unique_ptr<RowMap> map_of(const std::vector<uint32_t>& rows) const;

  const std::string folder_;
  std::vector<Segment> segments_;                         // by number
  std::map<std::string, uint32_t, std::less<>> numbers_;  // of present ones
  uint64_t tracked_rows_ = 0;
  uint64_t version_ = 0;

  Mutex mutex_;
  std::vector<RowMoves> told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace freshet
