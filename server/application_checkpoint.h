// A checkpoint of the data folder: a folder DATA/checkpoints/<name> that has
// metadata, segments and embedded log as they were at one moment, and the
// lookups just after, mostly hard links. Whoever asked for it copies it away
// and releases it; meanwhile it touches the folder now and then, since one that
// nobody touched for kCheckpointLife is taken to be forgotten and removed.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "ingest/embedded_log.h"
#include "segments/segment_store.h"
#include "server/application_lookups.h"

namespace freshet {

constexpr absl::Duration kCheckpointLife = absl::Hours(1);

// Returns "checkpoints/<name>", below the data folder; no other data folder has
// a checkpoint of that name. Commits wait meanwhile; reads and appends go on.
Result<std::string> write_checkpoint(SegmentStore& store, EmbeddedLog& log,
                                     Lookups& lookups);

// `name` without "checkpoints/"; kNotFound.
Status release_checkpoint(const std::string& data_folder,
                          std::string_view name);

// Removes those that were forgotten.
void remove_old_checkpoints(const std::string& data_folder);

// Removes what an earlier process left behind.
void remove_checkpoints(const std::string& data_folder);

}  // namespace freshet
