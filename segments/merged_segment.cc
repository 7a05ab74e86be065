#include "segments/merged_segment.h"

#include <algorithm>

#include "segments/merged_column.h"
#include "segments/rollup.h"

namespace freshet {

MergedRows::MergedRows(std::vector<std::shared_ptr<const Segment>> inputs)
    : inputs_(std::move(inputs)), visible_(inputs_.size()) {
  uint32_t sum = 0;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    starts_.push_back(sum);
    sum += inputs_[i]->num_visible_rows();
    if (const Bitmap* hidden = inputs_[i]->hidden_rows()) {
      visible_[i] = hidden->complement(inputs_[i]->num_rows()).to_vector();
    }
  }
  starts_.push_back(sum);
}

MergedSegment::MergedSegment(std::vector<std::shared_ptr<const Segment>> inputs)
    : rows_(std::move(inputs)) {}

MergedSegment::~MergedSegment() = default;

Result<std::shared_ptr<const MergedSegment>> MergedSegment::create(
    std::vector<std::shared_ptr<const Segment>> inputs) {
  std::shared_ptr<MergedSegment> merged(new MergedSegment(std::move(inputs)));
  TRY(merged->find_rollup());
  TRY(merged->find_schema());
  merged->columns_.resize(merged->schema_.columns.size());
  TRY(merged->find_time_range());
  return std::shared_ptr<const MergedSegment>(std::move(merged));
}

Status MergedSegment::find_rollup() {
  for (const auto& input : rows_.inputs()) {
    TRY_ASSIGN(const Rollup* rollup, input->rollup());
    if (&input != &rows_.inputs().front() &&
        to_text(rollup) != to_text(rollup_)) {
      return invalid("segments that are rolled up differently: " + input->id());
    }
    rollup_ = rollup;
  }
  return {};
}

Status MergedSegment::find_schema() {
  const auto& inputs = rows_.inputs();
  for (auto input = inputs.rbegin(); input != inputs.rend(); ++input) {
    // A file that cannot be opened has no schema to show, but an error.
    TRY((*input)->column(kTimeColumn));
    for (const ColumnSpec& spec : (*input)->schema().columns) {
      std::optional<size_t> known = schema_.find(spec.name);
      if (!known) {
        schema_.columns.push_back(spec);
      } else if (schema_.columns[*known].type != spec.type) {
        return invalid("segments of different types of a column: " + spec.name);
      }
    }
  }
  return {};
}

Status MergedSegment::find_time_range() {
  if (num_rows() == 0) return {};
  TRY_ASSIGN(const Column* times, column(kTimeColumn));
  int64_t least = INT64_MAX, greatest = INT64_MIN;
  std::vector<int64_t> values(kBlockRows);
  for (uint32_t block = 0; block < num_blocks(); ++block) {
    times->read_longs(block, values.data());
    auto [low, high] =
        std::minmax_element(values.begin(), values.begin() + block_rows(block));
    least = std::min(least, *low);
    greatest = std::max(greatest, *high);
  }
  time_range_ = Interval{Timestamp{least}, Timestamp{greatest + 1}};
  return {};
}

uint64_t MergedSegment::size_bytes() const {
  uint64_t bytes = 0;
  for (const auto& input : rows_.inputs()) bytes += input->size_bytes();
  return bytes;
}

Result<const Column*> MergedSegment::column(std::string_view name) const {
  std::optional<size_t> position = schema_.find(name);
  if (!position) return nullptr;
  if (!columns_[*position]) {
    std::vector<const Column*> inputs;
    for (const auto& input : rows_.inputs()) {
      TRY_ASSIGN(const Column* column, input->column(name));
      inputs.push_back(column);
    }
    columns_[*position] = std::make_unique<MergedColumn>(
        schema_.columns[*position].type, rows_, std::move(inputs));
  }
  return columns_[*position].get();
}

// Marks only grow, so their sum tells whether one has moved.
uint64_t MergedSegment::mark() const {
  uint64_t sum = 0;
  for (const auto& input : rows_.inputs()) sum += input->mark();
  return sum;
}

Status MergedSegment::status(uint64_t mark) const {
  for (const auto& input : rows_.inputs()) TRY(input->status());
  if (this->mark() == mark) return {};
  return Error{ErrorCode::kConflict,
               "a file changed while it was merged: " + id()};
}

}  // namespace freshet
