// A checkpoint of the data folder: a folder DATA/checkpoints/<name> that has
// metadata, segments and embedded log as they were at one moment, and the
// lookups just after, mostly hard links. Whoever asked for it copies it away
// and removes it.
#pragma once

#include <string>

#include "ingest/embedded_log.h"
#include "segments/segment_store.h"
#include "server/application_lookups.h"

namespace freshet {

// Returns "checkpoints/<name>", below the data folder. Commits wait meanwhile;
// reads and appends go on.
Result<std::string> write_checkpoint(SegmentStore& store, EmbeddedLog& log,
                                     Lookups& lookups);

// Removes what an earlier process left behind.
void remove_checkpoints(const std::string& data_folder);

}  // namespace freshet
