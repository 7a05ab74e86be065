// Positions: where an ingestion stands in each partition of its source, and
// whether the source still is the log that was read. Used by the ingestion
// thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ingest/kept_counts.h"
#include "ingest/source.h"
#include "ingest/watermark.h"
#include "segments/metadata_store.h"
#include "segments/result.h"

namespace freshet {

// What a source says of its partitions, with the records that are compared to
// what was read.
struct SourceListing {
  Result<std::vector<PartitionBounds>> bounds;
  // By partition and offset.
  std::map<std::pair<PartitionName, int64_t>,
           Result<std::optional<Source::StoredRecord>>>
      records;
  std::vector<UnreadPartition> unread{};
  bool lacks(const PartitionName& name) const {
    return std::ranges::any_of(unread,
                               [&](const auto& one) { return one.is(name); });
  }
};

class Positions {
 public:
  // `committed`: where segments end; a partition without one starts at the
  // first offset there is. Those that `source` is not asked for are left out.
  // `dataset` is for the log.
  Positions(std::string dataset, const Source& source,
            std::map<PartitionName, OffsetRecord> committed,
            const KeptCounts& counts);

  // Adds the partitions that are new in `listing`, after checking each against
  // its committed record: if the source was truncated, recreated, or has lost
  // what comes next, the partition gets a fault instead of being read. A known
  // partition, or a committed one, gets one when it is gone, has shrunk, or
  // when the record that was its last at an earlier call is another one now; of
  // each topic one partition is compared at a call, and all once one differs or
  // the source was disturbed(). A partition that was gone and is back goes on
  // if it still is the same; one that cannot be read now stays as it is.
  // kUnavailable when a check was not answered: the next call repeats it.
  Status update(Source& source, const SourceListing& listing);
  // What makes the listing for update(). It waits for the source and may be
  // called on another thread while reading goes on; `source` must outlive it.
  std::function<SourceListing()> listing(Source& source);

  // Whether partitions came, stopped or went on since the last assign().
  bool stale() const { return stale_; }
  // Assigns all partitions without fault at their positions.
  Status assign(Source& source);

  // By index of the last assignment.
  const std::vector<PartitionName>& names() const { return names_; }
  std::vector<Timestamp>& watermarks() { return watermarks_; }
  // The least of those that will be read on, but cannot be read now.
  Timestamp unread_watermark() const { return unread_watermark_; }

  // A server may have been lost, and may come back without the last records:
  // what was read last of each partition is compared by the next listing. To
  // be called before what was polled with the news is passed, since that may
  // be what comes after.
  void disturbed();
  // Whether there is more to compare since the last call.
  bool doubts() { return std::exchange(doubts_, false); }

  // The messages up to here are in the sinks.
  void passed(std::span<const RawMessage> messages);
  // What poll() said besides messages.
  void arrived(const MessageBatch& batch);

  // Whether anything moved since the last taken().
  bool moved() const { return moved_; }
  // The positions as the end of a generation.
  std::map<PartitionName, OffsetRecord> taken();

  // A record that was read, to be compared with what the source has later.
  struct Witness {
    int64_t offset = -1;
    uint64_t hash = 0;
    int64_t time_ms = 0;
  };

  struct Place {
    PartitionName name;
    OffsetRecord record;  // next, and the last record
    int64_t begin = 0;    // first offset ever covered
    // When it was first listed; at first beyond all offsets.
    int64_t start_high = std::numeric_limits<int64_t>::max();
    int64_t low = 0, high = -1;  // now; high -1: not known
    Timestamp watermark = kMinTimestamp;
    std::string fault;        // not empty: not read
    bool listed = false;      // it was there since the start
    bool gone = false;        // the fault is that the partition does not exist
    Timestamp stopped;        // when the fault was found
    int64_t listed_next = 0;  // `next` as the source was last listed
    Witness witness;          // compared now and then
    int32_t server = -1;      // that gave the last record
    // The last records before each disturbance, and before another server led
    // (in an unclean election one that lacks them), until they are compared;
    // the first `listed_unsure` are in the listing that is under way.
    std::vector<Witness> unsure;
    size_t listed_unsure = 0;
  };
  // With watermarks and the highs of `status`.
  const std::vector<Place>& places(const SourceStatus& status);
  bool empty() const { return places_.empty(); }
  bool all_faulty() const;
  // Empty when every partition is read.
  std::string first_fault() const;
  // What could not be read as the source was last listed: there may be
  // partitions that are not known yet.
  const std::vector<UnreadPartition>& unread() const { return unread_; }
  void set_begin(KeptCounts& counts) const;

 private:
  Timestamp kept_watermark(const PartitionName& name) const;
  Result<Place> check(Source& source, const PartitionBounds& bound) const;
  Result<std::string> continuity(Source& source, const OffsetRecord& record,
                                 const PartitionBounds& bound) const;
  void refresh(Place& place, const PartitionBounds& bound);
  void mark_gone(const std::vector<PartitionBounds>& bounds,
                 const SourceListing& listing);
  Status revive(Source& source, Place& place, const PartitionBounds& bound);
  std::map<std::string_view, std::vector<Place*>> comparable();
  Status compare_witnesses(Source& source, const SourceListing& listing);
  Status compare_unsure(Source& source, const SourceListing& listing);
  Result<bool> differs(Source& source, const SourceListing& listing,
                       const Place& place, const Witness& witness) const;
  void stop_replaced(Place& place, const Witness& witness);
  void doubt(Place& place);
  void stop(Place& place, std::string fault);
  Place* find(const PartitionName& name);

  const std::string dataset_;
  const std::map<PartitionName, OffsetRecord> committed_;
  const std::map<PartitionName, int64_t> begin_;
  const std::map<PartitionName, Timestamp> kept_watermarks_;
  std::vector<Place> places_;
  std::vector<UnreadPartition> unread_;
  size_t compared_ = 0;           // grows with each compare_witnesses()
  std::vector<size_t> assigned_;  // assignment index -> place
  std::vector<PartitionName> names_;
  std::vector<Timestamp> watermarks_;
  Timestamp unread_watermark_ = kMaxTimestamp;
  bool moved_ = false;
  bool doubts_ = false;
  bool stale_ = false;
};

}  // namespace freshet
