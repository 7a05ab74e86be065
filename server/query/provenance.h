// Provenance: where an answer comes from; on every answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segments/timeline.h"

namespace freshet {

struct Provenance {
  Timestamp as_of = kMinTimestamp;
  int64_t lag_ms = 0;
  bool complete = true;
  bool exact = true;
  std::vector<std::string> served_by;  // "cube NAME", "segments", "live"
  std::vector<std::string> why_not;    // as Query::why_not asks, each once
  uint32_t segments = 0;               // read after pruning
  uint64_t rows_scanned = 0;           // rows whose values were looked at
  uint64_t rows_matched = 0;           // rows of the dataset behind the answer
  OffsetRanges offsets;
  uint64_t late_or_rejected = 0;
  double elapsed_ms = 0;
};

// Of two runs over one dataset: its late rows count once.
void merge_runs(Provenance& into, const Provenance& more);
// Of two datasets.
void merge_datasets(Provenance& into, const Provenance& more);

}  // namespace freshet
