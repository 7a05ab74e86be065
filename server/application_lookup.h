// KeptLookup: one lookup of the model: what it holds, on disk and in memory,
// and what keeps it so.
//
// Each change is durable first, then published as a new LookupTable. A change
// over HTTP is published at once; of a stream as soon as a tenth of a core
// allows, since a table is copied for it. Thread-safe. Owned by Lookups.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ingest/lookup_feed.h"
#include "ingest/lookup_store.h"
#include "segments/mutex.h"
#include "server/api/lookup_service.h"
#include "server/model/model.h"
#include "server/query/lookup_source.h"

namespace freshet {

class KeptLookup final : public LookupTarget {
 public:
  struct Surroundings {
    MetadataStore& store;
    std::string scratch;  // a folder for fetched files
    // Numbers of versions, which no two tables share.
    std::atomic<uint64_t>& versions;
    std::function<void()> changed;
  };
  // With what is kept of it; start() makes it follow its source.
  static Result<std::unique_ptr<KeptLookup>> open(
      std::shared_ptr<const Model> model, const LookupModel& lookup,
      const Surroundings& around);
  Status start();
  // Ends what start() began; nothing changes what is held any more.
  void stop();
  bool stopped() const { return closed_; }

  // Definitions with equal texts need no new start.
  static std::string definition(const LookupModel& lookup);
  const LookupModel& model() const { return lookup_; }
  std::shared_ptr<const LookupTable> table() const {
    MutexLock lock(mutex_);
    return table_;
  }
  Status ready() const;
  LookupStatus status() const;

  Result<LookupWrite> write(bool replaces, std::string_view content_type,
                            std::string_view body);
  Result<LookupWrite> write_row(std::string_view key, std::string_view body);
  Status remove_row(std::string_view key);

  // Of the feed.
  Status take(LookupChange& change) override;
  void idle() override;

 private:
  using Clock = std::chrono::steady_clock;
  KeptLookup(std::shared_ptr<const Model> model, const LookupModel& lookup,
             const Surroundings& around);
  Status load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  Result<std::vector<LookupTable::Edit>> edits_of(const LookupChange& change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  Result<LookupTable::Edit> edit_of(const LookupEntry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  Status change(LookupChange& change, bool at_once)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  std::shared_ptr<const LookupTable> next_table(
      std::vector<LookupTable::Edit> edits, bool replaces)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  Status check_size(const LookupTable& table) const;
  void publish(std::shared_ptr<const LookupTable> table, Clock::duration effort)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  Status check_columns(std::string_view event, uint64_t row) const;
  Result<LookupWrite> write_events(bool replaces,
                                   const std::vector<std::string_view>& events);
  Error foreign_source() const;
  LookupSettings settings() const;

  const std::shared_ptr<const Model> model_;  // keeps lookup_ alive
  const LookupModel& lookup_;
  const std::string scratch_;
  std::atomic<uint64_t>& versions_;
  const std::function<void()> changed_;
  const std::shared_ptr<const LookupTable> empty_;
  const size_t key_;  // column of the schema

  Mutex write_mutex_;  // one change at a time
  // Another follows the source. Set under write_mutex_: no change comes after.
  std::atomic<bool> closed_ = false;
  LookupStore store_ ABSL_GUARDED_BY(write_mutex_);
  ColumnBatch batch_ ABSL_GUARDED_BY(write_mutex_);
  // Durable, not published yet.
  std::vector<LookupTable::Edit> pending_ ABSL_GUARDED_BY(write_mutex_);
  uint64_t pending_bytes_ ABSL_GUARDED_BY(write_mutex_) = 0;
  Clock::time_point next_publish_ ABSL_GUARDED_BY(write_mutex_);

  mutable Mutex mutex_;
  std::shared_ptr<const LookupTable> table_ ABSL_GUARDED_BY(mutex_);
  uint64_t table_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  LookupState kept_ ABSL_GUARDED_BY(mutex_);

  mutable Mutex feed_mutex_;
  std::unique_ptr<LookupFeed> feed_ ABSL_GUARDED_BY(feed_mutex_);
};

}  // namespace freshet
