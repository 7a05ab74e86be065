#include "server/query/segment_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/query/value_set.h"

namespace freshet {
namespace {

// A bitmap is used when it leaves at most this share of the rows; above it, a
// scan of ids costs less than the scattered reads.
constexpr double kIndexShare = 0.04;

// Members for which bitmap sizes are summed; more are not selective in
// practice and cost time to plan.
constexpr uint32_t kMaxIndexedMembers = 4096;

// Ids of the constants of a set: the smaller of the two is walked through.
std::vector<uint32_t> ids_of(const ValueSet& set,
                             const Dictionary& dictionary) {
  std::vector<uint32_t> ids;
  if (set.values().size() > dictionary.size()) {
    for (uint32_t id = 1; id < dictionary.size(); ++id) {
      if (set.contains_text(dictionary.value(id))) ids.push_back(id);
    }
    return ids;
  }
  for (const Value& value : set.values()) {
    if (auto id = dictionary.find(*value.as_string())) ids.push_back(*id);
  }
  return ids;
}

// "column = 'x'" and "column in ('x', ...)" by look-up; nothing for others.
std::optional<std::vector<uint32_t>> looked_up(const Expression& e,
                                               const Dictionary& dictionary) {
  if (e.set && e.arguments[0]->kind == Expression::Kind::kColumn) {
    return ids_of(*e.set, dictionary);
  }
  if (e.name != "=") return std::nullopt;
  bool reversed = e.arguments[0]->kind == Expression::Kind::kLiteral;
  const Expression& column = *e.arguments[reversed ? 1 : 0];
  const std::string* text = e.arguments[reversed ? 0 : 1]->literal.as_string();
  if (column.kind != Expression::Kind::kColumn || !text) return std::nullopt;
  std::vector<uint32_t> ids;
  if (auto id = dictionary.find(*text)) ids.push_back(*id);
  return ids;
}

template <class Keep>
void keep_if(std::vector<uint16_t>& positions, Keep keep) {
  size_t kept = 0;
  for (size_t i = 0; i < positions.size(); ++i) {
    positions[kept] = positions[i];
    kept += keep(i);
  }
  positions.resize(kept);
}

// The first test of a block: all rows are candidates.
template <class Keep>
void choose(size_t size, std::vector<uint16_t>& positions, Keep keep) {
  positions.resize(size);
  size_t kept = 0;
  for (size_t i = 0; i < size; ++i) {
    positions[kept] = static_cast<uint16_t>(i);
    kept += keep(i);
  }
  positions.resize(kept);
}

}  // namespace

Result<SegmentFilter> SegmentFilter::create(const Filter& filter,
                                            const SegmentContext& context) {
  SegmentFilter out;
  out.never_ = filter.never || context.segment().num_rows() == 0;
  for (const RangeTest& test : filter.ranges) out.add_range(test, context);
  for (const auto& condition : filter.rest) {
    if (out.never_) break;
    TRY(out.add_condition(condition, context));
  }
  out.leave_out_hidden(context.segment());
  return out;
}

// The only place where hidden rows leave an answer: every scan selects.
void SegmentFilter::leave_out_hidden(const Segment& segment) {
  const Bitmap* hidden = segment.hidden_rows();
  if (hidden == nullptr || never_) return;
  rows_ =
      rows_ ? rows_->and_not(*hidden) : hidden->complement(segment.num_rows());
  if (rows_->empty()) never_ = true;
}

void SegmentFilter::add_range(const RangeTest& test,
                              const SegmentContext& context) {
  const SegmentColumn& entry = context.column(test.column->name);
  if (!entry.column) {
    never_ = true;  // null is in no range
    return;
  }
  const Column* column = context.native(*test.column);
  if (!column) {
    auto bound = [&](int64_t v) {
      Value value = test.column->type.type == ValueType::kTimestamp
                        ? Value(Timestamp{v})
                    : test.column->type.type == ValueType::kDecimal
                        ? Value(Decimal{v, test.column->type.scale})
                    : test.column->type.type == ValueType::kBool ? Value(v != 0)
                                                                 : Value(v);
      return literal(std::move(value));
    };
    auto made = std::make_shared<Expression>();
    made->kind = Expression::Kind::kCall;
    made->name = "between";
    made->type = {ValueType::kBool};
    made->arguments = {test.column, bound(test.low), bound(test.high)};
    rest_.push_back(std::move(made));
    return;
  }
  int64_t least, greatest;
  uint32_t nulls = 0;
  if (auto zone = column->zone_map()) {
    least = zone->min_long;
    greatest = zone->max_long;
    nulls = zone->num_nulls;
  } else if (test.column->name == kTimeColumn) {
    least = context.segment().time_range().start.ms;
    greatest = context.segment().time_range().end.ms - 1;
  } else {
    ranges_.push_back({column, test.low, test.high, test.column->name});
    return;
  }
  if (least > greatest || greatest < test.low || least > test.high) {
    never_ = true;
  } else if (nulls > 0 || least < test.low || greatest > test.high) {
    ranges_.push_back({column, test.low, test.high, test.column->name});
  }
}

Status SegmentFilter::add_condition(const ExpressionPtr& condition,
                                    const SegmentContext& context) {
  const Expression* only = only_string_column(*condition);
  const Column* column = only ? context.dictionary_column(*only) : nullptr;
  if (!column) {
    rest_.push_back(condition);
    return {};
  }
  const Dictionary& dictionary = *column->dictionary();
  IdSet set{column, only->name, {}};
  uint32_t members = 0;
  if (auto ids = looked_up(*condition, dictionary)) {
    set.member.resize(dictionary.size());
    for (uint32_t id : *ids) {
      members += !set.member[id];
      set.member[id] = 1;
    }
  } else if (dictionary.size() <= context.segment().num_rows() + 1) {
    TRY_ASSIGN(VectorPtr truth,
               context.evaluate_dictionary(*condition, *column));
    bool fails = std::any_of(truth->states.begin(), truth->states.end(),
                             [](uint8_t state) { return state > kLaneNull; });
    if (fails) {  // on some value, perhaps of no row that is reached
      rest_.push_back(condition);
      return {};
    }
    set.member.resize(truth->size);
    for (uint32_t id = 0; id < truth->size; ++id) {
      set.member[id] = truth->is_value(id) && truth->longs[truth->at(id)] != 0;
      members += set.member[id];
    }
  } else {
    rest_.push_back(condition);
    return {};
  }
  add_id_set(std::move(set), members, context);
  return {};
}

void SegmentFilter::add_id_set(IdSet set, uint32_t members,
                               const SegmentContext& context) {
  if (members == 0) {
    never_ = true;
    return;
  }
  if (members == set.member.size()) return;  // all, null included
  auto first = std::find(set.member.begin(), set.member.end(), 1);
  auto last = std::find(set.member.rbegin(), set.member.rend(), 1);
  set.low = static_cast<uint32_t>(first - set.member.begin());
  set.high = static_cast<uint32_t>(set.member.rend() - last - 1);
  const double most = kIndexShare * context.segment().num_rows();
  std::vector<const Bitmap*> bitmaps;
  uint64_t rows = 0;
  bool indexed = members <= kMaxIndexedMembers;
  for (uint32_t id = set.low; indexed && id <= set.high; ++id) {
    if (!set.member[id]) continue;
    const Bitmap* bitmap = set.column->rows_of(id);
    indexed = bitmap != nullptr;
    if (!indexed) break;
    rows += bitmap->cardinality();
    bitmaps.push_back(bitmap);
    indexed = static_cast<double>(rows) <= most;
  }
  if (!indexed) {
    id_sets_.push_back(std::move(set));
    return;
  }
  Bitmap chosen =
      bitmaps.size() == 1 ? bitmaps[0]->clone() : Bitmap::union_of(bitmaps);
  rows_ = rows_ ? *rows_ & chosen : std::move(chosen);
  if (rows_->empty()) never_ = true;
}

std::vector<std::string> SegmentFilter::describe() const {
  std::vector<std::string> out;
  if (rows_) out.push_back(fmt::format("index: {} rows", rows_->cardinality()));
  for (const Range& range : ranges_) {
    out.push_back(fmt::format("range of {}", range.name));
  }
  for (const IdSet& set : id_sets_) {
    auto members = std::count(set.member.begin(), set.member.end(), 1);
    out.push_back(fmt::format("values of {}: {} of {}", set.name, members,
                              set.member.size()));
  }
  for (const auto& condition : rest_) {
    out.push_back("test: " + to_text(*condition));
  }
  return out;
}

bool SegmentFilter::zone_excludes(uint32_t block) const {
  for (const Range& range : ranges_) {
    if (!range.column->may_have(block, range.low, range.high)) return true;
  }
  for (const IdSet& set : id_sets_) {
    if (!set.column->dictionary()->sorted() || set.member[kNullId]) continue;
    if (!set.column->may_have(block, set.low, set.high)) return true;
  }
  return false;
}

Result<bool> SegmentFilter::select(uint32_t block, BlockRows& rows,
                                   std::vector<uint16_t>& positions,
                                   uint64_t& looked_at) const {
  const uint32_t size = rows.context().segment().block_rows(block);
  bool all = true;
  positions.clear();
  if (rows_) {
    rows_->rows_in(block * kBlockRows, block * kBlockRows + size, positions);
    if (positions.empty()) return false;
    all = positions.size() == size;
  }
  if (zone_excludes(block)) return false;
  rows.reset(block, positions, all);
  looked_at += rows.size();
  auto keep = [&](auto test) {
    if (all) {
      choose(size, positions, test);
    } else {
      keep_if(positions, test);
    }
    all = positions.size() == size;
    rows.reset(block, positions, all);
    return !positions.empty();
  };
  std::vector<int64_t> longs;
  for (const Range& range : ranges_) {
    auto zone = range.column->zone_map(block);
    if (zone && zone->num_nulls == 0 && zone->min_long >= range.low &&
        zone->max_long <= range.high) {
      continue;
    }
    rows.read_longs(*range.column, longs);
    Vector nulls;
    nulls.size = rows.size();
    rows.mark_nulls(*range.column, nulls);
    const uint64_t width =
        static_cast<uint64_t>(range.high) - static_cast<uint64_t>(range.low);
    auto inside = [&](size_t i) {
      return static_cast<uint64_t>(longs[i]) -
                 static_cast<uint64_t>(range.low) <=
             width;
    };
    bool some = nulls.states.empty() ? keep(inside) : keep([&](size_t i) {
      return inside(i) && nulls.states[i] == kLaneValue;
    });
    if (!some) return false;
  }
  for (const IdSet& set : id_sets_) {
    const uint32_t* ids = rows.ids(*set.column).data();
    const uint8_t* member = set.member.data();
    // rows.reset() inside keep() comes after the last use of ids.
    if (!keep([&](size_t i) { return member[ids[i]]; })) return false;
  }
  for (const auto& condition : rest_) {
    TRY_ASSIGN(VectorPtr truth, rows.evaluate_checked(*condition));
    const Vector& t = *truth;
    if (!keep([&](size_t i) { return t.is_value(i) && t.longs[t.at(i)]; })) {
      return false;
    }
  }
  return rows.size() > 0;
}

}  // namespace freshet
