#include "segments/cube_builder.h"

#include <algorithm>
#include <functional>

#include "segments/cube_groups.h"
#include "segments/cube_states.h"
#include "segments/live_segment.h"
#include "segments/rolled_states.h"
#include "segments/rollup.h"

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

// Rows of the segment, or behind its rows, by group.
Result<GroupValues> row_counts(const Segment& segment,
                               const CubeGroups& groups) {
  GroupValues out({ColumnKind::kLong, 0}, groups.size());
  for (uint32_t g = 0; g < groups.size(); ++g) out.set(g, int64_t{0});
  TRY_ASSIGN(const Rollup* rollup, segment.rollup());
  if (rollup == nullptr) {
    for (uint32_t group : groups.of_rows()) ++out.longs[group];
    return out;
  }
  TRY_ASSIGN(const Column* rows, segment.column(kCubeRows));
  for_each_value(segment, *rows, [&](uint32_t row, auto value) {
    if constexpr (std::is_same_v<decltype(value), int64_t>) {
      out.longs[groups.of_rows()[row]] += value;
    }
  });
  return out;
}

Result<std::vector<GroupValues>> states_of(const Segment& segment,
                                           const CubeGroups& groups,
                                           CubeMeasure& measure) {
  TRY_ASSIGN(const Rollup* rollup, segment.rollup());
  if (rollup != nullptr && rollup->spec.measure(measure.column) != nullptr) {
    return merged_states(segment, groups, measure);
  }
  TRY_ASSIGN(auto states, measure_states(segment, groups, measure));
  if (rollup == nullptr) return states;
  TRY_ASSIGN(states[0], counted_rows(segment, groups, measure.column));
  return states;
}

// All columns of a cube's or rollup's table. A measure may lose a state.
Result<std::vector<GroupValues>> table_columns(const Segment& segment,
                                               const CubeGroups& groups,
                                               CubeSpec& spec) {
  std::vector<GroupValues> columns;
  TRY_ASSIGN(GroupValues buckets, bucket_values(segment, spec, groups));
  columns.push_back(std::move(buckets));
  for (const std::string& name : spec.dimensions) {
    TRY_ASSIGN(const Column* column, segment.column(name));
    columns.push_back(dimension_values(segment, *column, groups));
  }
  TRY_ASSIGN(GroupValues rows, row_counts(segment, groups));
  columns.push_back(std::move(rows));
  for (CubeMeasure& measure : spec.measures) {
    TRY_ASSIGN(std::vector<GroupValues> states,
               states_of(segment, groups, measure));
    std::move(states.begin(), states.end(), std::back_inserter(columns));
  }
  return columns;
}

std::shared_ptr<const Segment> table_of(std::vector<GroupValues> columns,
                                        Schema schema, uint32_t rows,
                                        const std::string& name) {
  TableColumns table(std::make_shared<Schema>(std::move(schema)), rows);
  for (GroupValues& column : columns) table.add(std::move(column));
  return table.segment(name);
}

// Whether the rows of a rollup say what the measure keeps: its states are
// added up, and of a dimension those that rows behind a row do not change.
bool is_kept(const Rollup& rollup, const CubeMeasure& measure) {
  constexpr uint32_t kOfDimension =
      kCubeMin | kCubeMax | kCubeDistinct | kCubeApproxDistinct;
  const CubeMeasure* kept = rollup.spec.measure(measure.column);
  uint32_t possible = kept != nullptr ? kept->states : kOfDimension;
  return (measure.states & ~possible) == 0;
}

bool can_build(const CubeSpec& spec, const Rollup* rollup) {
  if (rollup == nullptr) return true;
  for (const std::string& name : spec.dimensions) {
    if (rollup->spec.measure(name) != nullptr) return false;
  }
  return std::ranges::all_of(spec.measures, [&](const CubeMeasure& measure) {
    return is_kept(*rollup, measure);
  });
}

}  // namespace

Result<BuiltCube> build_cube(const Segment& segment, const CubeSpec& spec) {
  BuiltCube built{spec, nullptr};
  TRY_ASSIGN(const Rollup* rollup, segment.rollup());
  const Schema& source = rollup ? rollup->source : segment.schema();
  if (!cube_schema(spec, source) || !can_build(spec, rollup)) return built;
  TRY_ASSIGN(auto groups,
             CubeGroups::of(segment, spec, segment.num_rows() / 2));
  if (!groups) return built;
  TRY_ASSIGN(auto columns, table_columns(segment, *groups, built.spec));
  // Of the spec as built, which may have lost a state.
  TRY_ASSIGN(Schema schema, cube_schema(built.spec, source));
  built.table = table_of(std::move(columns), std::move(schema), groups->size(),
                         spec.name);
  return built;
}

Result<std::shared_ptr<const Segment>> build_rollup(const Segment& segment,
                                                    const CubeSpec& spec) {
  TRY_ASSIGN(const Rollup* rollup, segment.rollup());
  const Schema& source = rollup ? rollup->source : segment.schema();
  TRY_ASSIGN(Schema schema, rollup_schema(spec, source));
  TRY_ASSIGN(auto groups, CubeGroups::of(segment, spec, UINT32_MAX));
  CubeSpec kept = spec;
  TRY_ASSIGN(auto columns, table_columns(segment, *groups, kept));
  return table_of(std::move(columns), std::move(schema), groups->size(),
                  segment.id());
}

}  // namespace freshet
