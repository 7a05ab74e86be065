// Dead letters of a dataset whose events come as files, taken again: their rows
// become visible and durable in the step in which the letters go. The files
// themselves are not needed.
#pragma once

#include <memory>
#include <vector>

#include "ingest/ingestion.h"
#include "ingest/kept_counts.h"
#include "ingest/seen_keys.h"

namespace freshet {

struct FileReplay {
  ReplayOutcome outcome;
  uint64_t rows = 0;
  KeptCounts counts;  // those given, with what this adds
};

// As Ingestion::replay. `seen` as for load_file(). Nobody else may load files
// of the dataset meanwhile.
Result<FileReplay> replay_file_letters(const IngestionSettings& settings,
                                       SegmentStore& store,
                                       const std::vector<LetterReplay>& letters,
                                       KeptCounts counts,
                                       std::shared_ptr<SeenKeys> seen);

}  // namespace freshet
