#include "server/query/range_frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/query/calendar_step.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

using Edge = WindowFrame::Edge;

bool has_offset(const WindowFrame::Bound& bound) {
  return bound.edge == Edge::kPreceding || bound.edge == Edge::kFollowing;
}

int scale_of(const Value& value) {
  return value.as_decimal() ? value.as_decimal()->scale : 0;
}

// Further than any column's values are from each other, and far from overflow.
constexpr __int128 kFarthest = (__int128{1} << 126) - 1;
constexpr int64_t kMostMonths = 12 * 10'000;

__int128 bounded(__int128 units) {
  return std::clamp(units, -kFarthest, kFarthest);
}

// Exact numbers as units of 10^-scale.
__int128 units(const Value& value, int scale) {
  __int128 out = 0;
  int own = 0;
  if (value.as_long()) out = *value.as_long();
  if (value.as_timestamp()) out = value.as_timestamp()->ms;
  if (const Decimal* d = value.as_decimal()) {
    out = d->units;
    own = d->scale;
  }
  for (; own < scale; ++own) {
    out = std::clamp(out, -kFarthest / 10, kFarthest / 10) * 10;
  }
  return bounded(out);
}

Status check_bound(const WindowFrame::Bound& bound, ExpressionType type) {
  if (!has_offset(bound)) return {};
  const bool time = type.type == ValueType::kTimestamp;
  if (!time && !is_numeric(type)) {
    return invalid(fmt::format(
        "RANGE with an offset goes by a number or a time in ORDER BY, not {}",
        type_name(type)));
  }
  if (time != bound.is_time) {
    return invalid(fmt::format("the offset of RANGE over {} is {}",
                               type_name(type),
                               time ? "an INTERVAL" : "a number"));
  }
  return {};
}

}  // namespace

Status RangeFrame::check(const QueryResult& rows, const WindowCall& call) {
  const WindowFrame& frame = call.frame;
  bool offset = has_offset(frame.start) || has_offset(frame.end);
  if (frame.unit != WindowFrame::Unit::kRange || !offset) return {};
  if (call.order.size() != 1) {
    return invalid(
        fmt::format("RANGE with an offset needs one column in ORDER BY, not {}",
                    call.order.size()));
  }
  ExpressionType type = rows.columns[call.order[0].column].type;
  TRY(check_bound(frame.start, type));
  return check_bound(frame.end, type);
}

RangeFrame::RangeFrame(const QueryResult& rows, const WindowCall& call,
                       std::span<const uint32_t> numbers)
    : zone_(call.zone), size_(numbers.size()) {
  const RowOrder& order = call.order[0];
  ExpressionType type = rows.columns[order.column].type;
  type_ = type.type;
  descending_ = order.descending;
  scale_ = type_ == ValueType::kDecimal ? type.scale : 0;
  for (const auto& bound : {call.frame.start, call.frame.end}) {
    scale_ = std::max(scale_, scale_of(bound.distance));
  }
  auto value = [&](size_t i) -> const Value& {
    return rows.rows[numbers[i]][order.column];
  };
  while (first_ < size_ && value(first_).is_null()) ++first_;
  for (size_t i = first_; i < size_ && !value(i).is_null(); ++i) {
    keys_.push_back(key_of(value(i)));
  }
}

RangeFrame::Key RangeFrame::key_of(const Value& value) const {
  Key out;
  if (type_ == ValueType::kDouble) {
    out.real = value.to_double();
    // NaN is greatest and equals itself.
    if (std::isnan(out.real)) out = {1, 0};
  } else {
    out.exact = units(value, scale_);
  }
  return out;
}

RangeFrame::Key RangeFrame::moved(const Key& from,
                                  const WindowFrame::Bound& bound,
                                  bool add) const {
  Key out = from;
  if (type_ == ValueType::kDouble) {
    double distance = bound.distance.to_double();
    out.real += add ? distance : -distance;
    return out;
  }
  if (bound.months != 0) {
    int64_t months = add ? bound.months : -bound.months;
    months = std::clamp(months, -kMostMonths, kMostMonths);
    auto ms = static_cast<int64_t>(
        std::clamp<__int128>(from.exact, kMinTimestamp.ms, kMaxTimestamp.ms));
    out.exact = plus_months(ms, months, zone_);
  }
  __int128 distance = units(bound.distance, scale_);
  if (const double* real = bound.distance.as_double()) {
    double wanted = std::floor(*real * std::pow(10.0, scale_));
    distance = wanted < 1e37 ? static_cast<__int128>(wanted) : kFarthest;
  }
  out.exact = bounded(out.exact + (add ? distance : -distance));
  return out;
}

size_t RangeFrame::edge(size_t i, const WindowFrame::Bound& bound,
                        bool end) const {
  const size_t beyond = first_ + keys_.size();
  if (i < first_) return end ? first_ : 0;
  if (i >= beyond) return end ? size_ : beyond;
  // In descending order what follows is less.
  bool add = (bound.edge == Edge::kFollowing) != descending_;
  Key limit = moved(keys_[i - first_], bound, add);
  auto before = [&](const Key& a, const Key& b) {
    return descending_ ? b < a : a < b;
  };
  auto at = end ? std::upper_bound(keys_.begin(), keys_.end(), limit, before)
                : std::lower_bound(keys_.begin(), keys_.end(), limit, before);
  return first_ + static_cast<size_t>(at - keys_.begin());
}

}  // namespace freshet
