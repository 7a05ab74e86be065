// LookupFeed: keeps a lookup as its source has it. Two kinds: a stream
// (compacted topics, change data capture) and files.
//
// Owned by the application; public methods are thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/file_ingestion.h"
#include "ingest/ingestion.h"
#include "ingest/lookup_decoder.h"
#include "ingest/lookup_store.h"

namespace freshet {

// Where a feed's rows go. Called from its one thread.
class LookupTarget {
 public:
  virtual ~LookupTarget() = default;
  // Durable when it returns. kLimit: more than the lookup may hold; anything
  // else is tried again.
  virtual Status take(LookupChange& change) = 0;
  // Called at least every second while nothing comes, often otherwise: what
  // was taken may be shown now.
  virtual void idle() = 0;
};

struct LookupFeedState {
  IngestionState state = IngestionState::kStarting;
  std::string error;
  // What the source had at the start, or by the last look at files, was taken.
  bool whole = false;
  std::vector<PartitionProgress> partitions;  // of a stream
  uint64_t messages = 0, bytes = 0;           // since the start
  // Messages that could not be read since the start, and what was wrong with
  // the last one. Of files one such record refuses the whole.
  uint64_t rejected = 0;
  std::string last_rejection;
};

class LookupFeed {
 public:
  // Ends the thread.
  virtual ~LookupFeed() = default;
  virtual LookupFeedState state() const = 0;
};

// From `offsets` on. `complete` becomes true in the change that has what was
// there at the start; it may be so already. `target` must outlive the feed.
Result<std::unique_ptr<LookupFeed>> start_lookup_stream(
    LookupSettings settings, std::unique_ptr<Source> source,
    std::map<PartitionName, OffsetRecord> offsets, bool complete,
    LookupTarget& target);

// All files that fit the place are the lookup's rows, in the order of their
// names; when one comes, goes or changes all are read again and replace what
// was. `known` is `files` of the last change; `scratch` a folder for fetched
// files. A file at fault leaves the rows as they are.
Result<std::unique_ptr<LookupFeed>> start_lookup_files(LookupSettings settings,
                                                       FileSettings files,
                                                       std::string scratch,
                                                       std::string known,
                                                       LookupTarget& target);

}  // namespace freshet
