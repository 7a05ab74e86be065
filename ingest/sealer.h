// Sealer: the thread that makes frozen generations durable, in order, while
// the ingestion thread goes on.
//
// A generation is everything between two commits: all live segments that hold
// rows of an offset range, the dead letters of that range and the counts at
// its end. It is committed whole or not at all; a failed seal is repeated
// until it works, since its rows are still queryable and the source may not
// keep them for ever.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ingest/dead_letter_shelf.h"
#include "ingest/dead_letters.h"
#include "ingest/ingestion.h"
#include "ingest/kept_counts.h"
#include "segments/mutex.h"
#include "segments/segment_store.h"

namespace freshet {

struct Generation {
  uint64_t number = 0;                             // given by the sealer
  std::vector<std::shared_ptr<LiveSegment>> live;  // frozen
  std::map<PartitionName, OffsetRecord> offsets;   // where it ends
  std::vector<DeadLetter> dead_letters;
  // Keys of dead letters whose rows are in it.
  std::vector<std::string> replayed;
  // More that becomes durable with it, and keys that go, for the metadata
  // store.
  std::vector<std::pair<std::string, std::string>> puts;
  std::vector<std::string> removed;
  KeptCounts counts;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

class Sealer {
 public:
  // `committed`: the offsets stored now. `retention_ms` < 0: none.
  Sealer(SegmentStore& store, std::string dataset, SealOptions options,
         int64_t retention_ms, std::map<PartitionName, OffsetRecord> committed);
  // abandon() first if still running.
  ~Sealer();

  // Whether submit() would go beyond the two generations in flight; the
  // ingestion thread then has to wait.
  bool full() const;
  // Waits at most `timeout_ms` for room; true if there is.
  bool wait_for_room(int64_t timeout_ms);
  // Hands over a generation; returns its number. Never waits.
  uint64_t submit(Generation generation);

  // Waits until generation `number` is durable; an error as soon as an attempt
  // that ended after the call has failed, late() after `deadline`.
  Status wait_sealed(uint64_t number,
                     absl::Time deadline = absl::InfiniteFuture());
  static Error late();
  // Tries what is left a few more times, ends the thread. The error of the
  // last attempt if something is still not durable.
  Status finish();
  // Ends the thread after the attempt that is running; the rest is not sealed.
  void abandon();

  struct View {
    std::map<PartitionName, OffsetRecord> committed;
    uint64_t sealed = 0;           // number of the last durable generation
    uint64_t rows = 0, bytes = 0;  // in flight
    DropStats dropped;             // past retention, since start
    Timestamp last_seal;
    std::string error;  // of the last attempt; empty if it went well
    DeadLetterStock dead_letters;
  };
  View view() const;
  // Dead letters that are not durable yet, added to those in `pending`: at most
  // `most` of each generation, and how many there are in all.
  void add_pending_letters(size_t most,
                           Ingestion::PendingLetters& pending) const;
  // Dead letters were removed by somebody else: counts them soon.
  void recount();
  // Number of commits and retention drops so far; changes when queries see
  // other segments.
  uint64_t changes() const;
  // Not empty when another writer moved the offsets: needs a person.
  std::string fatal_error() const;

 private:
  enum class Mode { kRunning, kFinishing, kAbandoned };
  void run();
  bool seal_front();  // false: nothing was sealed
  Seal build(const Generation& generation,
             const std::map<PartitionName, OffsetRecord>& committed) const;
  void record(const Generation& generation, const Status& status);
  void keep_dead_letters(const std::vector<DeadLetter>& added);
  void count_dead_letters();
  void drop_old();

  SegmentStore& store_;
  const std::string dataset_;
  const SealOptions options_;
  const int64_t retention_ms_;
  DeadLetterShelf shelf_;  // of the thread

  mutable Mutex mutex_;
  CondVar work_;    // for the thread
  CondVar change_;  // for those who wait on it
  std::deque<std::shared_ptr<const Generation>> queue_
      ABSL_GUARDED_BY(mutex_);  // the front one is being sealed
  std::map<PartitionName, OffsetRecord> committed_ ABSL_GUARDED_BY(mutex_);
  uint64_t submitted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t sealed_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;  // of the front one
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  DropStats dropped_ ABSL_GUARDED_BY(mutex_);
  Timestamp last_seal_ ABSL_GUARDED_BY(mutex_);
  DeadLetterStock dead_letters_ ABSL_GUARDED_BY(mutex_);
  Status last_status_ ABSL_GUARDED_BY(mutex_);
  bool fatal_ ABSL_GUARDED_BY(mutex_) = false;
  bool recount_ ABSL_GUARDED_BY(mutex_) = false;
  Mode mode_ ABSL_GUARDED_BY(mutex_) = Mode::kRunning;
  std::thread thread_;
};

}  // namespace freshet
