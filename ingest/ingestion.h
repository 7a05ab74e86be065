// Ingestion: one dataset's stream from its source to segments.
//
// Owns one thread that polls, decodes, transforms, appends to the live segment
// of each row's granule, and now and then freezes them for the sealer thread,
// which writes files and commits files and offsets together (DESIGN: the
// commit). Consumption goes on during a seal. After a crash the rows after the
// committed offsets are read again: nothing twice, no hole.
//
// Owned by the application; all public methods are thread-safe.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/dead_letter_shelf.h"
#include "ingest/decoder.h"
#include "ingest/key_settings.h"
#include "ingest/last_errors.h"
#include "ingest/source.h"
#include "ingest/transform.h"
#include "segments/restated_times.h"
#include "segments/segment_store.h"

namespace freshet {

struct IngestionSettings {
  std::string dataset;
  DecoderSpec decoder;
  std::shared_ptr<const Transform> transform;  // may be null
  KeySettings key;
  // Whether an error keeps a row from what it asks for: a delete needs no more
  // than what tells which row is meant.
  bool hinders(const Transform::RowError& error, RowOperation operation) const {
    bool deletes = operation == RowOperation::kDelete && key.replaces();
    return !deletes || (error.column && key.identifies(*error.column));
  }
  Granularity partition_by{Granularity::Unit::kDay, 1};  // cut in UTC
  SealOptions seal;
  uint64_t seal_rows = 1'000'000;
  int64_t seal_age_ms = 600'000;
  uint64_t seal_bytes = uint64_t{512} << 20;  // live memory of the dataset
  // Events older than watermark - late_ms go to `late_policy`; negative: all
  // accepted.
  int64_t late_ms = -1;
  enum class LatePolicy {
    kAccept,
    kDeadLetter,
    kDrop
  } late_policy = LatePolicy::kDeadLetter;
  // How late an event may be and still become a row; negative: for ever.
  int64_t accepted_late_ms() const {
    return late_policy == LatePolicy::kAccept ? -1 : late_ms;
  }
  int64_t early_ms = int64_t{24} * 3600 * 1000;  // beyond now: dead letter
  int64_t retention_ms = -1;                     // of sealed segments
  bool start_paused = false;
  // Where a partition without a stored offset starts: earliest.
};

enum class IngestionState {
  kStarting,  // looking for the source's partitions
  kRunning,
  kDegraded,  // some of the source is not read, the rest goes on; see error
  kPaused,
  kWaiting,  // source unreachable; retrying
  kStopped,  // shut down
  kFailed,   // stopped by an error that needs a person; see error
};
const char* state_name(IngestionState state);

struct PartitionProgress {
  PartitionName partition;
  int64_t begin = 0;      // first offset ever covered
  int64_t next = 0;       // rows before it are queryable
  int64_t committed = 0;  // rows before it are durable in segments
  int64_t low = 0;        // first offset that the source still has
  int64_t high = -1;      // of the source; -1 = unknown
  Timestamp watermark = kMinTimestamp;
  std::string error;  // not empty: this partition is stopped

  // Records of the source that are not read: from `next`, or all that are
  // there if `next` is not among them (a stopped partition). -1: not known.
  int64_t lag() const;
};

struct IngestionProgress {
  IngestionState state = IngestionState::kStarting;
  std::string error;
  std::vector<PartitionProgress> partitions;
  uint64_t rows = 0;   // appended since start
  uint64_t bytes = 0;  // read since start
  // Over the last ten seconds.
  double rows_per_second = 0, bytes_per_second = 0, rejected_per_second = 0;
  std::map<std::string, uint64_t> rejected;  // by reason, since the beginning
  uint64_t filtered = 0;
  // Since the beginning; see KeptCounts.
  uint64_t duplicates = 0, replaced = 0, deleted = 0, outdated = 0;
  uint64_t replayed = 0;            // of the rejected
  Timestamp as_of = kMinTimestamp;  // least watermark of live partitions
  int64_t lag_ms = 0;               // now - newest source time queryable, 0
                                    // when caught up; of a stopped partition
                                    // too
  bool past_start = false;          // read up to the highs seen at start, and
                                    // no error since
  // The same; and where the source tells its end (Source::tells_end), nothing
  // that was stored before progress() was called is unread.
  bool caught_up = false;
  DeadLetterStock dead_letters;  // durable ones
  bool part = false;  // only a part of the source's partitions is to be read
  uint64_t live_rows = 0;
  uint64_t live_bytes = 0;
  DropStats dropped;  // past retention, since start
  Timestamp last_seal = Timestamp{0};
  std::string last_seal_error;  // empty if the last seal went well

  // Whether answers miss nothing that the source had when we started, nothing
  // keeps new events from arriving, and what a log acknowledged is in them.
  bool complete() const {
    return state == IngestionState::kRunning && caught_up && !part;
  }
};

// A dead letter that is to be taken again.
struct LetterReplay {
  std::string id;
  std::optional<std::string> event{};  // in place of what was kept
};

struct ReplayOutcome {
  uint64_t replayed = 0;  // durable, and no dead letters any more
  struct Refusal {
    std::string id;
    std::string reason;  // as of dead letters, or gone, cut_off
    std::string message;
  };
  std::vector<Refusal> refused;  // as they were
};

class Ingestion {
 public:
  // `store` must outlive it. Starts at once.
  static std::unique_ptr<Ingestion> start(IngestionSettings settings,
                                          std::unique_ptr<Source> source,
                                          SegmentStore& store);
  // Without a stop() before, the threads end without sealing: the rows that are
  // not yet durable are read again at the next start.
  virtual ~Ingestion() = default;

  virtual IngestionProgress progress() const = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Seals everything queryable now and waits until it is durable, at most until
  // `deadline`: kUnavailable, and it may still become durable by itself.
  virtual Status seal(absl::Time deadline) = 0;
  Status seal() { return seal(absl::InfiniteFuture()); }
  // Takes dead letters again, under the definition now in force: what becomes
  // of each is what would become of a new event, but that none is too late
  // (where a key and on_duplicate: ignore forget with lateness, they still
  // are). Letters leave in the same commit as their rows come, so that a crash
  // neither loses nor doubles one. Returns when that is durable. An error: what
  // was not refused may still become durable by itself; until then another
  // replay refuses it.
  virtual Result<ReplayOutcome> replay(
      const std::vector<LetterReplay>& letters) = 0;
  // Somebody removed dead letters: they are counted anew.
  virtual void letters_removed() = 0;
  // Those that wait for the next seal: the first `most` of each generation in
  // memory, and how many there are, by reason, too. A crash makes them again.
  struct PendingLetters {
    std::vector<DeadLetter> letters;
    uint64_t count = 0;
    std::map<std::string, uint64_t> reasons{};
  };
  virtual PendingLetters pending_letters(size_t most) const = 0;
  // What went wrong last, newest first: rejected events, and what kept the
  // source from being read.
  virtual std::vector<IngestionError> last_errors() const = 0;
  // Where the past was changed; null if that is not kept.
  virtual std::shared_ptr<const RestatedTimes> restated() const = 0;
  // Stops reading, seals, ends the threads. Idempotent.
  virtual Status stop() = 0;
  // Called after each append or seal that changed what queries see, from the
  // ingestion thread; must be quick.
  virtual void on_change(std::function<void()> callback) = 0;
};

}  // namespace freshet
