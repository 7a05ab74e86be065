#include "server/query/group_keys.h"

#include <algorithm>
#include <bit>

#include "server/query/expression_type.h"

namespace freshet {
namespace {

constexpr int kMaxDenseBits = 20;
// Values up to this many are numbered before the scan, which bounds the ids.
constexpr int64_t kMaxNumberedAhead = 4096;

// Least and greatest value of an integer-backed column, if known.
bool bounds_of(const Expression& column, const SegmentContext& context,
               int64_t* least, int64_t* greatest) {
  const Column* native = context.native(column);
  if (!native || !native->type().is_integer_backed()) return false;
  if (column.name == kTimeColumn) {
    *least = context.segment().time_range().start.ms;
    *greatest = context.segment().time_range().end.ms - 1;
    return *least <= *greatest;
  }
  auto zone = native->zone_map();
  if (!zone || zone->min_long > zone->max_long) return false;
  *least = zone->min_long;
  *greatest = zone->max_long;
  return true;
}

// Least and greatest value of a part of a time, or null.
struct PartRange {
  std::string_view function;
  int64_t least, greatest;
};
const PartRange* part_range(const Expression& call) {
  static constexpr PartRange kParts[] = {
      {"extract_hour", 0, 23},   {"extract_minute", 0, 59},
      {"extract_second", 0, 59}, {"extract_dow", 1, 7},
      {"extract_isodow", 1, 7},  {"extract_day", 1, 31},
      {"extract_doy", 1, 366},   {"extract_week", 1, 53},
      {"extract_month", 1, 12},  {"extract_quarter", 1, 4},
  };
  for (const PartRange& part : kParts) {
    if (part.function == call.name) return &part;
  }
  return nullptr;
}

// Numbers all values that can come; false if there may be too many. Sets
// `first` to the least of a column's values, which are numbered one by one.
bool number_ahead(const Expression& e, const SegmentContext& context,
                  ValueIds& out, std::optional<int64_t>& first) {
  int64_t least, greatest;
  const PartRange* part =
      e.kind == Expression::Kind::kCall ? part_range(e) : nullptr;
  if (part != nullptr || e.kind == Expression::Kind::kColumn) {
    if (part != nullptr) {
      least = part->least;
      greatest = part->greatest;
    } else if (!is_long_backed(e.type) ||
               !bounds_of(e, context, &least, &greatest)) {
      return false;
    }
    if (static_cast<__int128>(greatest) - least >= kMaxNumberedAhead) {
      return false;
    }
    for (int64_t v = least; v <= greatest; ++v) out.intern_long(v);
    first = least;
    return true;
  }
  if (e.name != "time_floor" ||
      !bounds_of(*e.arguments[0], context, &least, &greatest)) {
    return false;
  }
  Timestamp bucket = e.granularity.floor(Timestamp{least}, e.zone);
  for (int64_t count = 0; bucket.ms <= greatest; ++count) {
    if (count == kMaxNumberedAhead) return false;
    out.intern_long(bucket.ms);
    if (e.granularity.unit() == Granularity::Unit::kAll) break;
    bucket = e.granularity.next(bucket, e.zone);
  }
  return true;
}

}  // namespace

GroupKeys::GroupKeys(const std::vector<ExpressionPtr>& expressions,
                     const SegmentContext& context, uint64_t rows) {
  int bits = 0;
  int packed = 0;
  for (const auto& expression : expressions) {
    components_.push_back(make_component(expression, context));
    int more = components_.back().bits;
    if (packed + more > 64) {
      folds_.emplace_back();
      packed = 32;
    }
    packed += more;
    bits += more;
  }
  uint64_t most = std::max<uint64_t>(4096, rows * 2);
  if (components_.size() == 1) {
    by_id_ = components_[0].values || num_ids(0) <= most;
  } else if (bits <= kMaxDenseBits && (uint64_t{1} << bits) <= most) {
    dense_.assign(size_t{1} << bits, IdTable::kNone);
  }
}

GroupKeys::Component GroupKeys::make_component(
    const ExpressionPtr& expression, const SegmentContext& context) const {
  Component out;
  out.expression = expression;
  out.dictionary = context.dictionary_column(*expression);
  out.known = context.known(*expression);
  if (out.known && !out.known->ids) out.known = nullptr;
  if (out.dictionary) {
    out.bits = std::bit_width(out.dictionary->dictionary()->size() - 1);
  } else if (out.known) {
    out.bits = std::bit_width(out.known->ids->size() - 1);
  } else {
    out.values = std::make_unique<ValueIds>(expression->type);
    if (number_ahead(*expression, context, *out.values, out.least)) {
      out.bits = std::bit_width(out.values->size() - 1);
      out.numbered = out.values->size();
    } else {
      out.values = std::make_unique<ValueIds>(expression->type);
    }
  }
  return out;
}

// Bounds are verified, so a value beyond them is of bytes that changed since.
Error GroupKeys::outside(const Expression& expression) {
  return Error{ErrorCode::kCorrupt,
               "values outside of the bounds that the segment gives: " +
                   to_text(expression)};
}

Status GroupKeys::number_by_distance(Component& component,
                                     const Vector& values) {
  component.lane_ids.resize(values.size);
  const uint64_t least = static_cast<uint64_t>(*component.least);
  uint64_t furthest = 0;
  for (size_t i = 0; i < values.size; ++i) {
    uint64_t distance = static_cast<uint64_t>(values.longs[i]) - least;
    furthest = std::max(furthest, distance);
    component.lane_ids[i] = static_cast<uint32_t>(distance) + 1;
  }
  if (furthest + 1 < component.numbered) return {};
  return outside(*component.expression);
}

Status GroupKeys::read_ids(Component& component, BlockRows& rows) {
  if (component.dictionary) {
    component.lanes = rows.ids(*component.dictionary).data();
    return {};
  }
  if (component.known) {
    const auto& ids = rows.ids(*component.known->column);
    const auto& distinct = component.known->distinct;
    component.lane_ids.resize(ids.size());
    for (size_t i = 0; i < ids.size(); ++i) {
      component.lane_ids[i] = distinct[ids[i]];
    }
  } else {
    TRY_ASSIGN(VectorPtr values, rows.evaluate_checked(*component.expression));
    if (component.least && values->states.empty() && !values->constant) {
      TRY(number_by_distance(component, *values));
    } else {
      TRY(component.values->make_room(values->size, &rows.context().control()));
      component.values->intern_all(*values, component.lane_ids);
      if (component.numbered > 0 &&
          component.values->size() > component.numbered) {
        return outside(*component.expression);
      }
    }
  }
  component.lanes = component.lane_ids.data();
  return {};
}

Status GroupKeys::assign(BlockRows& rows, std::vector<uint32_t>& groups) {
  for (Component& component : components_) TRY(read_ids(component, rows));
  groups.resize(rows.size());
  if (by_id_) {
    if (dense_.size() < num_ids(0)) {
      dense_.resize(std::max<size_t>(num_ids(0), dense_.size() * 2),
                    IdTable::kNone);
    }
    assign_dense(components_[0].lanes, groups);
  } else if (!dense_.empty()) {
    pack_dense(rows.size());
    assign_dense(packed_ids_.data(), groups);
  } else {
    return assign_sparse(rows.context().control(), groups);
  }
  return {};
}

void GroupKeys::assign_dense(const uint32_t* packed,
                             std::vector<uint32_t>& groups) {
  for (size_t i = 0; i < groups.size(); ++i) {
    uint32_t& group = dense_[packed[i]];
    if (group == IdTable::kNone) group = add_group(i);
    groups[i] = group;
  }
}

// All components' ids in one number of at most kMaxDenseBits.
void GroupKeys::pack_dense(size_t size) {
  packed_ids_.assign(components_[0].lanes, components_[0].lanes + size);
  for (size_t c = 1; c < components_.size(); ++c) {
    const int bits = components_[c].bits;
    const uint32_t* lanes = components_[c].lanes;
    for (size_t i = 0; i < size; ++i) {
      packed_ids_[i] = packed_ids_[i] << bits | lanes[i];
    }
  }
}

Status GroupKeys::assign_sparse(const QueryControl& control,
                                std::vector<uint32_t>& groups) {
  const size_t size = groups.size();
  packed_.assign(size, 0);
  int bits = 0;
  size_t fold = 0;
  for (Component& component : components_) {
    if (bits + component.bits > 64) {
      IdTable& table = folds_[fold++];
      TRY(table.make_room(size, &control));
      for (size_t i = 0; i < size; ++i) {
        packed_[i] = table.find_or_add(packed_[i]);
      }
      bits = 32;
    }
    for (size_t i = 0; i < size; ++i) {
      packed_[i] = packed_[i] << component.bits | component.lanes[i];
    }
    bits += component.bits;
  }
  TRY(sparse_.make_room(size, &control));
  sparse_.find_or_add_all(packed_.data(), size, groups.data());
  for (size_t i = 0; i < size && num_groups_ < sparse_.size(); ++i) {
    if (groups[i] == num_groups_) add_group(i);
  }
  return {};
}

uint32_t GroupKeys::add_group(size_t lane) {
  for (const Component& component : components_) {
    group_ids_.push_back(component.lanes[lane]);
  }
  return num_groups_++;
}

uint32_t GroupKeys::num_ids(size_t component) const {
  const Component& c = components_[component];
  if (c.dictionary) return c.dictionary->dictionary()->size();
  return c.known ? c.known->ids->size() : c.values->size();
}

void GroupKeys::intern(size_t component, std::span<const uint32_t> ids,
                       ValueIds& out, uint32_t* to) const {
  const Component& c = components_[component];
  if (c.dictionary) {
    out.intern_entries(*c.dictionary->dictionary(), ids, to);
  } else {
    out.intern_lanes(c.known ? c.known->ids->values() : c.values->values(), ids,
                     to);
  }
}

uint64_t GroupKeys::memory_bytes() const {
  uint64_t bytes = dense_.capacity() * 4 + sparse_.memory_bytes() +
                   group_ids_.capacity() * 4;
  for (const IdTable& fold : folds_) bytes += fold.memory_bytes();
  for (const Component& c : components_) {
    if (c.values) bytes += c.values->memory_bytes();
  }
  return bytes;
}

}  // namespace freshet
