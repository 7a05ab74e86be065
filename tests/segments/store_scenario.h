// Scenario: a SegmentStore with one dataset, and the rows that must be in it.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "segments/merge_plan.h"
#include "segments/segment_store.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/row_model.h"

namespace freshet {

inline constexpr int64_t kHour = 3'600'000;
inline constexpr int64_t kStart = 1'795'000'000'000 / kHour * kHour;

// The rows that count, in order of values.
std::vector<Row> visible_rows(const Segment& segment);
std::vector<Row> visible_rows(const SegmentStore& store);

struct Scenario {
  explicit Scenario(uint64_t seed) : random(seed) { open(); }

  uint64_t below(uint64_t n) { return random() % n; }
  // The live segment of an hour, made if there is none.
  LiveSegment& live_of(int64_t hour);
  // Opens the store anew; with `power_cut` what was not synced is gone.
  void open(bool power_cut = false);
  // Rows of one of four hours.
  void append(uint32_t rows);
  Result<SealStats> seal();
  // After a seal went well.
  void sealed();
  void lose_uncommitted();
  // Hides a share of the rows of a random segment, and in the model.
  Result<uint64_t> hide();
  // Replaces a random row; 1, or 0 if there was none.
  Result<uint64_t> upsert();
  // Merges a random run of segments of one hour; nothing if there is none.
  Result<MergeStats> merge();
  Result<DropStats> drop_before(int64_t cutoff);
  // The last drop took place, though it was told to have failed.
  void drop_from_model();
  // Where the committed offsets of the store end.
  int64_t stored_offset() const;
  std::vector<Row> expected() const;
  // The text of the first difference between store and model, or nothing.
  std::string difference() const;
  // Files in the dataset's folder.
  size_t num_files() const;

  TemporaryFolder folder{true};
  FaultFileSystem files;
  std::mt19937_64 random;
  std::shared_ptr<const Schema> schema = model_schema();
  std::unique_ptr<SegmentStore> store;
  std::map<int64_t, std::shared_ptr<LiveSegment>> live;
  std::vector<Row> committed, uncommitted;
  std::vector<Row> dropping;  // what a drop that failed would have taken
  int64_t next_offset = 0, committed_offset = 0;
  uint64_t num_lives = 0;
};

}  // namespace freshet
