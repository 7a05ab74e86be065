// SegmentStore: all datasets' segments in one data folder, and the commit that
// makes new ones durable.
//
//   DATA/metadata/                       RocksDB, see MetadataStore
//   DATA/segments/<dataset>/<id>.seg     sealed files
//
// Thread-safe: seals, merges, drops and hides of a dataset may run at once;
// each is one metadata batch and one new timeline. Lives as long as the
// application.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "segments/file_system.h"
#include "segments/metadata_store.h"
#include "segments/paced_files.h"
#include "segments/renamed_segment.h"
#include "segments/row_moves.h"
#include "segments/segment_writer.h"
#include "segments/timeline.h"

namespace freshet {

// One dataset's seal: live segments to replace, and what becomes durable with
// them.
struct Seal {
  std::string dataset;
  // Of the rows in `live`. What this and earlier generations hid becomes
  // durable with it (change_rows); 0: nobody calls change_rows.
  uint64_t generation = 0;
  std::vector<std::shared_ptr<LiveSegment>> live;  // frozen
  SealOptions options;
  std::vector<Commit::Advance> offsets;
  std::vector<std::string> removed_keys{};  // before the puts
  std::vector<std::pair<std::string, std::string>> puts{};
};

struct SealStats {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint32_t segments = 0;
};

// Sealed segments of one granule to be replaced by one that has their visible
// rows.
struct Merge {
  std::string dataset;
  std::vector<std::string> segments;  // ids
  SealOptions options;
  Pace pace;  // may be null
};

struct MergeStats {
  uint64_t rows_read = 0, rows = 0;  // visible ones, hidden ones included
  uint64_t bytes_read = 0, bytes = 0;
  uint32_t segments_read = 0;
};

struct DropStats {
  uint32_t segments = 0;
  uint64_t rows = 0, bytes = 0;
};

// Rows of one segment, ascending.
struct HideRows {
  std::string segment;  // id
  std::vector<uint32_t> rows;
};

// What queries see of a dataset's live rows from now on, in one step.
struct RowChange {
  uint64_t generation = 1;  // of the rows; at least 1
  // Live segments, and how many of their rows count. One that is not there
  // yet is added.
  std::vector<std::pair<std::shared_ptr<const LiveSegment>, uint32_t>> visible;
  // Rows that these replace.
  std::vector<HideRows> hide;
};

class SegmentStore {
 public:
  // Opens the folder, creating it if absent; lists all segments of all
  // datasets, looks whether their files are there, whole in size (they are
  // opened when first read), and removes temp files and files that no record
  // names, at once or by remove_orphans(). A segment whose file is gone or of
  // another size is an error for who reads it, until the right one is back, and
  // is logged by the caller through damaged(). kCorrupt: segments, but no
  // metadata.
  enum class Orphans { kRemove, kLeave };
  static Result<std::unique_ptr<SegmentStore>> open(
      const std::string& data_folder, FileSystem& files = real_file_system(),
      Orphans orphans = Orphans::kRemove);
  // Whether open() would find a store there rather than make one.
  static bool is_data_folder(const std::string& folder);
  virtual ~SegmentStore() = default;

  // Empty timeline for a dataset that has none.
  virtual std::shared_ptr<const Timeline> timeline(
      std::string_view dataset) const = 0;

  // From the next timeline on sealed segments are read by these, in place of
  // those given before. Nothing is written: who opens a store gives them anew.
  virtual void set_aliases(std::string_view dataset,
                           DatasetAliases aliases) = 0;
  // Null if none were given.
  virtual std::shared_ptr<const DatasetAliases> aliases(
      std::string_view dataset) const = 0;

  // Makes `live` visible to queries from the next timeline on.
  virtual void add_live(std::string_view dataset,
                        std::shared_ptr<const LiveSegment> live) = 0;
  // Publishes rows and hides those they replace in one timeline, so that no
  // query sees both or neither. kConflict, changing nothing, as hide(). Not
  // durable before the generation is sealed: until then merges keep what it
  // hides, and after a crash it is not hidden.
  virtual Status change_rows(std::string_view dataset,
                             const RowChange& change) = 0;
  // From now on `moved` is called with every replacement of sealed or live
  // segments of the dataset, in the order of the timelines, and never while
  // change_rows or hide of the dataset are at work. It must be quick and not
  // call the store. An empty one ends that.
  virtual void watch_rows(std::string_view dataset,
                          std::function<void(RowMoves)> moved) = 0;
  // Takes live segments out without sealing them (their rows will be read
  // again, e.g. a reset), and what they replaced comes back.
  virtual void drop_live(std::string_view dataset) = 0;

  // Writes every live segment with visible rows to a file, commits files,
  // offsets, keys and puts in one batch, then swaps live for sealed in one new
  // timeline. On error nothing is committed, written files are removed and
  // the live segments stay visible; the call may be repeated. A fresh id per
  // file.
  virtual Result<SealStats> seal(const Seal& seal) = 0;

  // Writes the visible rows of the segments as one (none if no row is left)
  // and swaps in one batch. Rows hidden meanwhile are hidden in the new one.
  // What is rolled up stays so, by its own rules, whatever the options say.
  // kConflict if a segment went away meanwhile (retention), or rows of one that
  // is rolled up were hidden; kInvalid if they are not of one granule or
  // rolled up differently. On error nothing has changed.
  virtual Result<MergeStats> merge(const Merge& merge) = 0;

  // Hides rows of sealed and live segments from all timelines to come, and
  // writes `puts` in the same batch. Returns how many were not hidden before.
  // kConflict, hiding nothing, if a segment is not in the timeline any more:
  // look the rows up again. What is hidden of a sealed segment is durable when
  // this returns; what is hidden of a live one when it is sealed (after a
  // crash its rows are read again, not hidden).
  virtual Result<uint64_t> hide(
      std::string_view dataset, const std::vector<HideRows>& rows,
      std::vector<std::pair<std::string, std::string>> puts) = 0;

  // Removes sealed segments that end at or before `cutoff`; files go when the
  // last query that holds them ends.
  virtual Result<DropStats> drop_before(std::string_view dataset,
                                        Timestamp cutoff) = 0;

  // Makes `folder`, which is empty or absent, a copy of the data folder's
  // metadata and segments at one moment, by hard links where a file never
  // changes and can have a second name there, by copies otherwise. `more` is
  // called while no commit can come; the copies come after it.
  virtual Status checkpoint(const std::string& folder,
                            const std::function<Status()>& more) = 0;

  // Removes what open() found and left, until `stopped`; returns how many.
  // May run beside everything else.
  virtual Result<uint64_t> remove_orphans(
      const std::function<bool()>& stopped) = 0;

  virtual MetadataStore& metadata() = 0;
  virtual const std::string& data_folder() const = 0;
  // Bytes free on the data folder's disk.
  virtual Result<uint64_t> free_bytes() const = 0;
  // One message per segment whose file is gone, or that somebody found damaged
  // and that is so still.
  virtual std::vector<std::string> damaged() const = 0;
};

}  // namespace freshet
