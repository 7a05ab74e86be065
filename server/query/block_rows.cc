#include "server/query/block_rows.h"

#include "server/query/expression_type.h"

namespace freshet {

void BlockRows::reset(uint32_t block, std::span<const uint16_t> positions,
                      bool all) {
  block_ = block;
  positions_ = positions;
  all_ = all;
  size_ = all ? context_.segment().block_rows(block) : positions.size();
  for (auto& [column, lanes] : ids_) lanes.read = false;
  columns_.clear();
  narrow_.clear();
  arena_.clear();
}

const std::vector<int64_t>& BlockRows::whole_longs(const Column& column) {
  Whole<int64_t>& whole = whole_longs_[&column];
  if (whole.block == block_) return whole.values;
  whole.values.resize(context_.segment().block_rows(block_));
  column.read_longs(block_, whole.values.data());
  whole.block = block_;
  return whole.values;
}

const std::vector<uint32_t>& BlockRows::whole_ids(const Column& column) {
  Whole<uint32_t>& whole = whole_ids_[&column];
  if (whole.block == block_) return whole.values;
  whole.values.resize(context_.segment().block_rows(block_));
  column.read_ids(block_, whole.values.data());
  whole.block = block_;
  return whole.values;
}

void BlockRows::read_longs(const Column& column, std::vector<int64_t>& out) {
  out.resize(size_);
  auto whole = whole_longs_.find(&column);
  if (whole != whole_longs_.end() && whole->second.block == block_) {
    const std::vector<int64_t>& values = whole->second.values;
    if (all_) {
      out = values;
    } else {
      for (size_t i = 0; i < size_; ++i) out[i] = values[positions_[i]];
    }
  } else if (all_) {
    column.read_longs(block_, out.data());
  } else {
    column.gather_longs(block_, positions_, out.data());
  }
}

void BlockRows::mark_nulls(const Column& column, Vector& out) {
  if (!column.has_nulls() || !column.read_nulls(block_, null_words_)) return;
  out.need_states();
  for (size_t i = 0; i < size_; ++i) {
    uint32_t at = all_ ? static_cast<uint32_t>(i) : positions_[i];
    if (null_words_[at / 64] >> (at % 64) & 1) out.states[i] = kLaneNull;
  }
}

const std::vector<uint32_t>& BlockRows::ids(const Column& column) {
  if (all_) return whole_ids(column);
  LaneIds& lanes = ids_[&column];
  if (lanes.read) return lanes.ids;
  lanes.read = true;
  lanes.ids.resize(size_);
  auto whole = whole_ids_.find(&column);
  if (whole != whole_ids_.end() && whole->second.block == block_) {
    const std::vector<uint32_t>& values = whole->second.values;
    for (size_t i = 0; i < size_; ++i) lanes.ids[i] = values[positions_[i]];
  } else {
    column.gather_ids(block_, positions_, lanes.ids.data());
  }
  return lanes.ids;
}

std::shared_ptr<Vector> BlockRows::read(const Column& column,
                                        ExpressionType type) {
  auto out = std::make_shared<Vector>();
  out->type = type;
  out->size = size_;
  if (type.type == ValueType::kString) {
    const auto& lane_ids = ids(column);
    const Dictionary& dictionary = *column.dictionary();
    out->strings.resize(size_);
    for (size_t i = 0; i < size_; ++i) {
      if (lane_ids[i] == kNullId) {
        out->set_null(i);
      } else {
        out->strings[i] = dictionary.value(lane_ids[i]);
      }
    }
    return out;
  }
  if (type.type == ValueType::kDouble) {
    out->doubles.resize(size_);
    if (all_) {
      column.read_doubles(block_, out->doubles.data());
    } else {
      column.gather_doubles(block_, positions_, out->doubles.data());
    }
  } else {
    read_longs(column, out->longs);
  }
  mark_nulls(column, *out);
  return out;
}

Result<VectorPtr> BlockRows::column(const Expression& column) {
  const SegmentColumn& entry = context_.column(column.name);
  if (!entry.column) return make_constant(column.type, Value(), size_);
  VectorPtr& cached = columns_[entry.column];
  if (cached) return cached;
  auto out = read(*entry.column, entry.stored);
  if (entry.stored.type == ValueType::kDecimal) {
    out->decimals.assign(out->longs.begin(), out->longs.end());
    out->longs.clear();
  }
  cached = out;
  if (entry.stored != column.type) {
    cached = cast_vector(out, column.type, absl::UTCTimeZone(), arena_);
  }
  return cached;
}

Result<VectorPtr> BlockRows::known(const Expression& expression) {
  const DictionaryValues* known = context_.known(expression);
  if (!known) return VectorPtr();
  const auto& lane_ids = ids(*known->column);
  const Vector& values = *known->values;
  auto out = make_vector(values.type, size_);
  if (is_long_backed(values.type) && values.states.empty() &&
      !values.constant) {
    for (size_t i = 0; i < size_; ++i) {
      out->longs[i] = values.longs[lane_ids[i]];
    }
    return VectorPtr(out);
  }
  for (size_t i = 0; i < size_; ++i) out->set_from(i, values, lane_ids[i]);
  return VectorPtr(out);
}

Result<VectorPtr> BlockRows::evaluate_checked(const Expression& expression) {
  TRY_ASSIGN(VectorPtr out, evaluate(expression));
  TRY(check_lanes(*out, expression));
  return out;
}

Result<VectorPtr> BlockRows::evaluate_narrow(const Expression& expression) {
  const Column* column = context_.native(expression);
  if (!column || expression.type.type != ValueType::kDecimal) {
    return evaluate_checked(expression);
  }
  VectorPtr& cached = narrow_[column];
  if (!cached) cached = read(*column, expression.type);
  return cached;
}

}  // namespace freshet
