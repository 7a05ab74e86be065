#include "tests/segments/store_scenario.h"

#include <filesystem>

namespace freshet {
namespace {

// The same for the same rows in any order.
uint64_t sum_of(const std::vector<Row>& rows) {
  uint64_t sum = 0;
  for (const Row& row : rows) {
    uint64_t hash = 1;
    for (const Cell& cell : row) {
      hash = (hash ^ std::hash<Cell>()(cell)) * 0x9e3779b97f4a7c15;
      hash ^= hash >> 29;
    }
    sum += hash;
  }
  return sum;
}

void remove_one(std::vector<Row>& rows, const Row& row) {
  auto found = std::find(rows.begin(), rows.end(), row);
  REQUIRE(found != rows.end());
  *found = std::move(rows.back());
  rows.pop_back();
}

// The rows that count of all segments, as they come.
std::vector<Row> unordered_rows(const SegmentStore& store) {
  auto timeline = store.timeline("sales");
  std::vector<Row> rows;
  auto add = [&](const Segment& segment) {
    std::vector<Row> part = visible_rows(segment);
    rows.insert(rows.end(), part.begin(), part.end());
  };
  for (const auto& segment : timeline->sealed) add(*segment);
  for (const auto& live : timeline->live) add(*live->snapshot());
  return rows;
}

}  // namespace

std::vector<Row> visible_rows(const Segment& segment) {
  std::vector<Row> all = read_rows(segment), rows;
  const Bitmap* hidden = segment.hidden_rows();
  for (uint32_t i = 0; i < all.size(); ++i) {
    if (hidden == nullptr || !hidden->contains(i)) rows.push_back(all[i]);
  }
  return rows;
}

std::vector<Row> visible_rows(const SegmentStore& store) {
  std::vector<Row> rows = unordered_rows(store);
  std::sort(rows.begin(), rows.end());
  return rows;
}

void Scenario::open(bool power_cut) {
  store.reset();
  if (power_cut) files.lose_unsynced();
  auto opened = SegmentStore::open(folder.path(), files);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  store = std::move(*opened);
}

LiveSegment& Scenario::live_of(int64_t hour) {
  std::shared_ptr<LiveSegment>& segment = live[hour];
  if (!segment) {
    Interval granule{Timestamp{kStart + hour * kHour},
                     Timestamp{kStart + (hour + 1) * kHour}};
    segment = LiveSegment::create("live_" + std::to_string(++num_lives), schema,
                                  granule);
    store->add_live("sales", segment);
  }
  return *segment;
}

void Scenario::append(uint32_t rows) {
  auto hour = static_cast<int64_t>(below(4));
  LiveSegment& segment = live_of(hour);
  ColumnBatch batch(schema);
  for (uint32_t i = 0; i < rows; ++i) {
    uncommitted.push_back(random_row(random, kStart + hour * kHour));
    append_row(batch, uncommitted.back());
  }
  segment.append(batch);
  next_offset += rows;
}

// Finds a row as a key would, hides it and appends what it is now.
Result<uint64_t> Scenario::upsert() {
  auto timeline = store->timeline("sales");
  std::vector<std::shared_ptr<const Segment>> all = timeline->sealed;
  for (const auto& one : timeline->live) all.push_back(one->snapshot());
  if (all.empty()) return 0;
  const Segment& segment = *all[below(all.size())];
  if (segment.num_rows() == 0) return 0;
  auto at = static_cast<uint32_t>(below(segment.num_rows()));
  const Bitmap* gone = segment.hidden_rows();
  if (gone && gone->contains(at)) return 0;
  Row row = read_rows(segment)[at];
  auto hidden = store->hide("sales", {{segment.id(), {at}}}, {});
  if (!hidden) return hidden;
  remove_one(segment.sealed() ? committed : uncommitted, row);
  row[3] = static_cast<int64_t>(below(1000));
  ColumnBatch batch(schema);
  append_row(batch, row);
  live_of((std::get<int64_t>(row[0]) - kStart) / kHour).append(batch);
  uncommitted.push_back(std::move(row));
  ++next_offset;
  return hidden;
}

Result<SealStats> Scenario::seal() {
  Seal seal;
  seal.dataset = "sales";
  for (const auto& [hour, segment] : live) {
    segment->freeze();
    seal.live.push_back(segment);
  }
  if (below(2) == 0) seal.options.sort_by = {"store"};
  Commit::Advance advance;
  advance.partition = "log/0";
  if (committed_offset > 0) advance.expected_next = committed_offset;
  advance.record.next = next_offset;
  if (next_offset > committed_offset) seal.offsets.push_back(advance);
  return store->seal(seal);
}

void Scenario::sealed() {
  live.clear();
  committed.insert(committed.end(), uncommitted.begin(), uncommitted.end());
  uncommitted.clear();
  committed_offset = next_offset;
}

void Scenario::lose_uncommitted() {
  live.clear();
  uncommitted.clear();
  next_offset = committed_offset;
}

Result<uint64_t> Scenario::hide() {
  auto timeline = store->timeline("sales");
  std::vector<std::shared_ptr<const Segment>> all = timeline->sealed;
  for (const auto& one : timeline->live) all.push_back(one->snapshot());
  if (all.empty()) return 0;
  const Segment& segment = *all[below(all.size())];
  uint64_t share = 1 + below(10);  // one row in so many
  HideRows hide{segment.id(), {}};
  std::vector<uint32_t> fresh;
  for (uint32_t row = 0; row < segment.num_rows(); ++row) {
    if (below(share) != 0) continue;
    hide.rows.push_back(row);
    const Bitmap* hidden = segment.hidden_rows();
    if (!hidden || !hidden->contains(row)) fresh.push_back(row);
  }
  auto hidden = store->hide("sales", {hide}, {{"proof/1", "x"}});
  if (!hidden) return hidden;
  CHECK(*hidden == fresh.size());
  std::vector<Row> rows = read_rows(segment);
  for (uint32_t row : fresh) {
    remove_one(segment.sealed() ? committed : uncommitted, rows[row]);
  }
  return hidden;
}

Result<MergeStats> Scenario::merge() {
  auto records = *store->metadata().segments("sales");
  auto timeline = store->timeline("sales");
  Merge merge;
  merge.dataset = "sales";
  int64_t hour = kStart + static_cast<int64_t>(below(4)) * kHour;
  for (const auto& segment : timeline->sealed) {
    for (const SegmentRecord& record : records) {
      if (record.id != segment->id() || record.granule.start.ms != hour) {
        continue;
      }
      if (merge.segments.size() < 2 + below(5)) {
        merge.segments.push_back(record.id);
      }
    }
  }
  if (merge.segments.empty()) return MergeStats();
  if (below(2) == 0) merge.options.sort_by = {"store"};
  return store->merge(merge);
}

// A segment goes whole: only when its last row is before the cutoff.
Result<DropStats> Scenario::drop_before(int64_t cutoff) {
  auto before = store->timeline("sales");
  uint32_t expected = 0;
  dropping.clear();
  for (const auto& segment : before->sealed) {
    if (segment->time_range().end.ms > cutoff) continue;
    ++expected;
    std::vector<Row> rows = visible_rows(*segment);
    dropping.insert(dropping.end(), rows.begin(), rows.end());
  }
  auto dropped = store->drop_before("sales", Timestamp{cutoff});
  if (!dropped) return dropped;
  CHECK(dropped->segments == expected);
  drop_from_model();
  return dropped;
}

void Scenario::drop_from_model() {
  for (const Row& row : dropping) remove_one(committed, row);
  dropping.clear();
}

int64_t Scenario::stored_offset() const {
  auto offsets = *store->metadata().offsets("sales");
  return offsets.empty() ? 0 : offsets[0].second.next;
}

std::vector<Row> Scenario::expected() const {
  std::vector<Row> rows = committed;
  rows.insert(rows.end(), uncommitted.begin(), uncommitted.end());
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string Scenario::difference() const {
  std::vector<Row> seen = unordered_rows(*store);
  if (sum_of(seen) == sum_of(committed) + sum_of(uncommitted)) return "";
  std::vector<Row> right = expected();
  std::sort(seen.begin(), seen.end());
  if (seen == right) return "";
  return std::to_string(seen.size()) + " rows, the model has " +
         std::to_string(right.size());
}

size_t Scenario::num_files() const {
  size_t count = 0;
  std::error_code none;
  for (auto& file : std::filesystem::directory_iterator(
           folder.path() + "/segments/sales", none)) {
    count += file.is_regular_file();
  }
  return count;
}

}  // namespace freshet
