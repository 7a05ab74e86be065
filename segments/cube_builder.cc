#include "segments/cube_builder.h"

#include <algorithm>
#include <functional>

#include "segments/cube_groups.h"
#include "segments/cube_states.h"
#include "segments/live_segment.h"

namespace freshet {
namespace {

// Columns of the table under construction, each with a value per group.
class TableColumns {
 public:
  explicit TableColumns(std::shared_ptr<const Schema> schema, uint32_t rows)
      : schema_(std::move(schema)), rows_(rows) {}

  void add(GroupValues values) { columns_.push_back(std::move(values)); }

  std::shared_ptr<const Segment> segment(const std::string& name) const {
    auto live = LiveSegment::create(name, schema_, Interval{});
    ColumnBatch batch(schema_);
    for (uint32_t begin = 0; begin < rows_; begin += kBlockRows) {
      uint32_t end = std::min(rows_, begin + kBlockRows);
      batch.clear();
      for (uint32_t g = begin; g < end; ++g) {
        for (size_t c = 0; c < columns_.size(); ++c) {
          columns_[c].put(g, c, batch);
        }
        batch.commit_row();
      }
      live->append(batch);
    }
    live->freeze();
    return live->snapshot();
  }

 private:
  const std::shared_ptr<const Schema> schema_;
  const uint32_t rows_;
  std::vector<GroupValues> columns_;
};

// Values of a dimension: those of each group's first row.
GroupValues dimension_values(const Segment& segment, const Column& column,
                             const CubeGroups& groups) {
  GroupValues out(column.type(), groups.size());
  // First rows ascend, since groups are numbered as they come.
  for_each_value(
      segment, column,
      [&, next = uint32_t{0}](uint32_t row, auto value) mutable {
        while (next < groups.size() && groups.first_row(next) < row) {
          ++next;
        }
        if (next < groups.size() && groups.first_row(next) == row) {
          out.set(next, value);
        }
      });
  return out;
}

Result<GroupValues> bucket_values(const Segment& segment, const CubeSpec& spec,
                                  const CubeGroups& groups) {
  TRY_ASSIGN(const Column* time, segment.column(kTimeColumn));
  TRY_ASSIGN(absl::TimeZone zone, load_time_zone(spec.zone));
  GroupValues out = dimension_values(segment, *time, groups);
  spec.granularity.floor_batch(out.longs, zone, out.longs);
  return out;
}

GroupValues row_counts(const CubeGroups& groups) {
  GroupValues out({ColumnKind::kLong, 0}, groups.size());
  for (uint32_t g = 0; g < groups.size(); ++g) out.set(g, int64_t{0});
  for (uint32_t group : groups.of_rows()) ++out.longs[group];
  return out;
}

}  // namespace

Result<BuiltCube> build_cube(const Segment& segment, const CubeSpec& spec) {
  BuiltCube built{spec, nullptr};
  if (!cube_schema(spec, segment.schema())) return built;
  TRY_ASSIGN(auto found, CubeGroups::of(segment, spec, segment.num_rows() / 2));
  if (!found) return built;
  const CubeGroups& groups = *found;

  std::vector<GroupValues> columns;
  TRY_ASSIGN(GroupValues buckets, bucket_values(segment, spec, groups));
  columns.push_back(std::move(buckets));
  for (const std::string& name : spec.dimensions) {
    TRY_ASSIGN(const Column* column, segment.column(name));
    columns.push_back(dimension_values(segment, *column, groups));
  }
  columns.push_back(row_counts(groups));
  for (CubeMeasure& measure : built.spec.measures) {
    TRY_ASSIGN(std::vector<GroupValues> states,
               measure_states(segment, groups, measure));
    std::move(states.begin(), states.end(), std::back_inserter(columns));
  }
  // Of the spec as built, which may have lost a state.
  TRY_ASSIGN(Schema schema, cube_schema(built.spec, segment.schema()));
  TableColumns table(std::make_shared<Schema>(std::move(schema)),
                     groups.size());
  for (GroupValues& column : columns) table.add(std::move(column));
  built.table = table.segment(spec.name);
  return built;
}

}  // namespace freshet
