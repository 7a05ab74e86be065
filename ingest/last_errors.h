// LastErrors: the newest few things that went wrong with a dataset's stream:
// rejected events, and what kept it from reading. Of the rejected ones those in
// the dead letters are known again after a restart. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/dead_letters.h"
#include "segments/metadata_store.h"
#include "segments/mutex.h"
#include "segments/time.h"

namespace freshet {

struct IngestionError {
  Timestamp time;
  std::string reason;     // of a dead letter, or a state: "waiting"
  std::string message;    // for people
  std::string partition;  // empty: of no single event
  int64_t offset = 0;
};

class LastErrors {
 public:
  static constexpr size_t kKept = 10;

  // Adds the newest of the dead letters that are durable.
  Status load(const MetadataStore& store, const std::string& dataset);
  void add(const DeadLetter& letter);
  // One that repeats itself counts once, when it was last met.
  void add(IngestionError error);

  // Newest first, at most kKept.
  std::vector<IngestionError> newest() const;

 private:
  mutable Mutex mutex_;
  std::vector<IngestionError> errors_ ABSL_GUARDED_BY(mutex_);  // newest first
};

}  // namespace freshet
