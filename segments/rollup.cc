#include "segments/rollup.h"

#include "segments/cube_builder.h"

namespace freshet {
namespace {

// A table with what its rows are.
class RolledSegment final : public Segment {
 public:
  RolledSegment(std::shared_ptr<const Segment> table, Rollup rollup)
      : table_(std::move(table)), rollup_(std::move(rollup)) {}

  const std::string& id() const override { return table_->id(); }
  const Schema& schema() const override { return table_->schema(); }
  uint32_t num_rows() const override { return table_->num_rows(); }
  Interval time_range() const override { return table_->time_range(); }
  bool sealed() const override { return false; }
  uint64_t content_hash() const override { return 0; }
  uint64_t size_bytes() const override { return table_->size_bytes(); }
  Result<const Column*> column(std::string_view name) const override {
    return table_->column(name);
  }
  Result<const Rollup*> rollup() const override { return &rollup_; }

 private:
  const std::shared_ptr<const Segment> table_;
  const Rollup rollup_;
};

}  // namespace

Result<Rollup> rollup_of(const CubeSpec& spec, const Schema& schema) {
  TRY(rollup_schema(spec, schema));
  Rollup rollup{spec, {}};
  auto add = [&](std::string_view name) {
    rollup.source.columns.push_back(schema.columns[*schema.find(name)]);
  };
  add(kTimeColumn);
  for (const std::string& name : spec.dimensions) add(name);
  for (const CubeMeasure& measure : spec.measures) add(measure.column);
  return rollup;
}

std::string to_text(const Rollup* rollup) {
  if (rollup == nullptr) return "";
  std::string text = to_text(rollup->spec) + " :";
  for (const ColumnSpec& column : rollup->source.columns) {
    text += " " + to_string(column.type);
  }
  return text;
}

Result<std::shared_ptr<const Segment>> roll_up(const Segment& segment,
                                               const CubeSpec& spec) {
  TRY_ASSIGN(const Rollup* before, segment.rollup());
  TRY_ASSIGN(Rollup rollup,
             rollup_of(spec, before ? before->source : segment.schema()));
  if (before && to_text(before) != to_text(&rollup)) {
    return invalid("rolled up by other rules: " + segment.id());
  }
  const uint64_t mark = segment.mark();
  TRY_ASSIGN(auto table, build_rollup(segment, spec));
  TRY(segment.status(mark));
  return std::shared_ptr<const Segment>(
      std::make_shared<RolledSegment>(std::move(table), std::move(rollup)));
}

}  // namespace freshet
