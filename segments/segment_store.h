// SegmentStore: all datasets' segments in one data folder, and the commit that
// makes new ones durable.
//
//   DATA/metadata/                       RocksDB, see MetadataStore
//   DATA/segments/<dataset>/<id>.seg     sealed files
//
// Thread-safe. Lives as long as the application.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "segments/file_system.h"
#include "segments/metadata_store.h"
#include "segments/segment_writer.h"
#include "segments/timeline.h"

namespace freshet {

// One dataset's seal: live segments to replace, and what becomes durable with
// them.
struct Seal {
  std::string dataset;
  std::vector<std::shared_ptr<LiveSegment>> live;  // frozen
  SealOptions options;
  std::vector<Commit::Advance> offsets;
  std::vector<std::pair<std::string, std::string>> puts;
};

struct SealStats {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint32_t segments = 0;
};

class SegmentStore {
 public:
  // Opens the folder, creating it if absent; lists all segments of all
  // datasets, opens their files, and removes temp files and files that no
  // record names. A segment whose file is damaged or gone is kept as
  // Timeline::missing, and logged by the caller through damaged().
  static Result<std::unique_ptr<SegmentStore>> open(
      const std::string& data_folder, FileSystem& files = real_file_system());
  virtual ~SegmentStore() = default;

  // Empty timeline for a dataset that has none.
  virtual std::shared_ptr<const Timeline> timeline(
      std::string_view dataset) const = 0;

  // Makes `live` visible to queries from the next timeline on.
  virtual void add_live(std::string_view dataset,
                        std::shared_ptr<const LiveSegment> live) = 0;
  // Takes live segments out without sealing them (their rows will be read
  // again, e.g. a reset).
  virtual void drop_live(std::string_view dataset) = 0;

  // Writes every live segment with rows to a file, commits files, offsets and
  // puts in one batch, then swaps live for sealed in one new timeline. On
  // error nothing is committed, written files are removed and the live
  // segments stay visible; the call may be repeated. A fresh id per file.
  virtual Result<SealStats> seal(const Seal& seal) = 0;

  // Removes sealed segments that end at or before `cutoff`; files go when the
  // last query that holds them ends. Returns how many.
  virtual Result<uint32_t> drop_before(std::string_view dataset,
                                       Timestamp cutoff) = 0;

  virtual MetadataStore& metadata() = 0;
  virtual const std::string& data_folder() const = 0;
  // Bytes free on the data folder's disk.
  virtual Result<uint64_t> free_bytes() const = 0;
  // One message per listed segment that could not be opened.
  virtual std::vector<std::string> damaged() const = 0;
};

}  // namespace freshet
