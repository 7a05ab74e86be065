// Spill: live segments of an unfinished bulk load, written to files that no
// commit names, so that a load of any size needs bounded memory and still
// becomes visible all at once. The pieces of a granule are put together again
// when the load is committed. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "segments/live_segment.h"
#include "segments/segment_writer.h"

namespace freshet {

class Spill {
 public:
  // `folder` is emptied now and removed at the end.
  Spill(std::string folder, std::shared_ptr<const Schema> schema,
        SealOptions options);
  ~Spill();

  // Writes the segments to files and forgets them.
  Status add(const std::vector<std::shared_ptr<LiveSegment>>& segments);

  // The whole as segments to seal: one by granule, or several where a granule
  // has more than `max_rows` rows. Each reads its pieces only when its
  // snapshot is taken. They must not outlive the spill.
  Result<std::vector<std::shared_ptr<LiveSegment>>> segments(
      uint64_t max_rows) const;

 private:
  struct Piece {
    std::string path;
    uint32_t rows = 0;
    Interval granule;
  };
  const std::string folder_;
  const std::shared_ptr<const Schema> schema_;
  const SealOptions options_;
  std::map<int64_t, std::vector<Piece>> pieces_;  // by start of the granule
  uint64_t written_ = 0;
};

}  // namespace freshet
