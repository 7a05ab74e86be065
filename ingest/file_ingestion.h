// FileIngestion: the Ingestion of a dataset whose events come as files. Looks
// into its FilePlace now and then; a file is complete when two looks in a row
// find it the same. Each file becomes durable and visible whole, in one step
// with its name and the hash of its content, so that it counts once across
// crashes, whatever its place does with it. A file that is at fault is left
// alone until it changes or the stream is restarted, and makes the state
// "degraded"; the others go on.
#pragma once

#include <memory>

#include "ingest/file_place.h"
#include "ingest/ingestion.h"

namespace freshet {

struct FileSettings {
  FilePlaceSettings place;
  int64_t look_every_ms = 2000;
};

// Starts at once. `store` must outlive it. kInvalid for settings at fault.
Result<std::unique_ptr<Ingestion>> start_file_ingestion(
    IngestionSettings settings, FileSettings files, SegmentStore& store);

}  // namespace freshet
