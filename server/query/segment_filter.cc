#include "server/query/segment_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "server/query/value_set.h"

namespace freshet {
namespace {

// A bitmap is used when it leaves at most this share of the rows; above it, a
// scan of ids costs less than the scattered reads.
constexpr double kIndexShare = 0.04;

// Members for which bitmap sizes are summed; more are not selective in
// practice and cost time to plan.
constexpr uint32_t kMaxIndexedMembers = 4096;

// Values of a dictionary that are read and compared in the time of one look-up.
constexpr size_t kValuesPerLookup = 256;
constexpr size_t kLookupsBetweenChecks = 256;

// Ids of the constants of a set.
Result<std::vector<uint32_t>> ids_of(const ValueSet& set,
                                     const Dictionary& dictionary,
                                     const QueryControl& control) {
  std::vector<uint32_t> ids;
  const auto& values = set.values();
  if (values.size() > dictionary.size() / kValuesPerLookup + 1) {
    TRY(in_runs(dictionary.size(), &control, [&](size_t begin, size_t count) {
      for (size_t id = std::max<size_t>(begin, 1); id < begin + count; ++id) {
        auto number = static_cast<uint32_t>(id);
        if (set.contains_text(dictionary.value(number))) ids.push_back(number);
      }
    }));
    return ids;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % kLookupsBetweenChecks == 0) TRY(control.check());
    if (auto id = dictionary.find(*values[i].as_string())) ids.push_back(*id);
  }
  return ids;
}

// "column = 'x'" and "column in ('x', ...)" by look-up; nothing for others.
Result<std::optional<std::vector<uint32_t>>> looked_up(
    const Expression& e, const Dictionary& dictionary,
    const QueryControl& control) {
  using Ids = std::optional<std::vector<uint32_t>>;
  if (e.set && e.arguments[0]->kind == Expression::Kind::kColumn) {
    TRY_ASSIGN(auto ids, ids_of(*e.set, dictionary, control));
    return Ids(std::move(ids));
  }
  if (e.name != "=") return Ids();
  bool reversed = e.arguments[0]->kind == Expression::Kind::kLiteral;
  const Expression& column = *e.arguments[reversed ? 1 : 0];
  const std::string* text = e.arguments[reversed ? 0 : 1]->literal.as_string();
  if (column.kind != Expression::Kind::kColumn || !text) return Ids();
  std::vector<uint32_t> ids;
  if (auto id = dictionary.find(*text)) ids.push_back(*id);
  return Ids(std::move(ids));
}

// Conditions of which is remembered that they failed.
constexpr size_t kMaxLate = 64;

// Below one row of so many left, the other columns are read at positions.
constexpr uint32_t kSparse = 12;

template <class Keep>
void keep_if(std::vector<uint16_t>& positions, Keep keep) {
  size_t kept = 0;
  for (size_t i = 0; i < positions.size(); ++i) {
    positions[kept] = positions[i];
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
  std::stable_sort(out.tests_.begin(), out.tests_.end(),
                   [](const ColumnTest& a, const ColumnTest& b) {
                     return a.share < b.share;
                   });
  return out;
}

// The only place where hidden rows leave an answer: every scan selects.
void SegmentFilter::leave_out_hidden(const Segment& segment) {
  const Bitmap* hidden = segment.hidden_rows();
  if (hidden == nullptr || never_) return;
  if (rows_) {
    rows_ = rows_->and_not(*hidden);
    never_ = rows_->empty();
  } else {
    hidden_ = hidden;
    never_ = hidden->cardinality() == segment.num_rows();
  }
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
    tests_.push_back({column, test.low, test.high, test.column->name, {}});
    return;
  }
  if (least > greatest || greatest < test.low || least > test.high) {
    never_ = true;
  } else if (nulls > 0 || least < test.low || greatest > test.high) {
    const double inside = static_cast<double>(std::min(greatest, test.high)) -
                          static_cast<double>(std::max(least, test.low)) + 1;
    const double all =
        static_cast<double>(greatest) - static_cast<double>(least) + 1;
    tests_.push_back({column,
                      test.low,
                      test.high,
                      test.column->name,
                      {},
                      false,
                      inside / all});
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
  ColumnTest set{column, 0, 0, only->name, {}};
  TRY_ASSIGN(auto ids, looked_up(*condition, dictionary, context.control()));
  if (ids) {
    set.members = IdSet(dictionary.size());
    for (uint32_t id : *ids) set.members.add(id);
  } else if (dictionary.size() <= context.segment().num_rows() + 1) {
    bool fails = false;  // on some value, perhaps of no row that is reached
    set.members = IdSet(dictionary.size());
    TRY(context.evaluate_dictionary(
        *condition, *column,
        [&](uint32_t first, const Vector& truth) -> Status {
          for (uint32_t i = 0; i < truth.size; ++i) {
            fails = fails || truth.state(i) > kLaneNull;
            if (truth.is_value(i) && truth.longs[truth.at(i)] != 0) {
              set.members.add(first + i);
            }
          }
          return {};
        }));
    if (fails) {
      rest_.push_back(condition);
      return {};
    }
  } else {
    rest_.push_back(condition);
    return {};
  }
  add_ids(std::move(set), context);
  return {};
}

void SegmentFilter::ColumnTest::find_bounds() {
  low = 0;
  high = members.size() - 1;
  while (!members.contains(static_cast<uint32_t>(low))) ++low;
  while (!members.contains(static_cast<uint32_t>(high))) --high;
  gaps = high - low + 1 != members.count();
}

void SegmentFilter::add_ids(ColumnTest test, const SegmentContext& context) {
  const uint32_t members = test.members.count();
  if (members == 0) {
    never_ = true;
    return;
  }
  if (members == test.members.size()) return;  // all, null included
  test.find_bounds();
  test.share =
      static_cast<double>(members) / static_cast<double>(test.members.size());
  if (index_ids(test, members, context)) return;
  test.base = test_of_base(test);
  tests_.push_back(std::move(test));
}

// Null where the column's ids are its own, and where none of the others' leads
// to a member.
std::unique_ptr<SegmentFilter::ColumnTest> SegmentFilter::test_of_base(
    const ColumnTest& test) {
  const std::optional<DerivedIds> derived = test.column->derived();
  if (!derived) return nullptr;
  auto base = std::make_unique<ColumnTest>(
      ColumnTest{derived->base, 0, 0, test.name, {}});
  base->members = IdSet(static_cast<uint32_t>(derived->ids.size()));
  for (uint32_t id = 0; id < base->members.size(); ++id) {
    if (test.members.contains(derived->ids[id])) base->members.add(id);
  }
  if (base->members.count() == 0) return nullptr;
  base->find_bounds();
  return base;
}

// Answers the test by the bitmaps of its members, if they leave few enough
// rows.
bool SegmentFilter::index_ids(const ColumnTest& test, uint32_t members,
                              const SegmentContext& context) {
  if (members > kMaxIndexedMembers) return false;
  const double most = kIndexShare * context.segment().num_rows();
  std::vector<const Bitmap*> bitmaps;
  uint64_t rows = 0;
  for (int64_t id = test.low; id <= test.high; ++id) {
    if (!test.members.contains(static_cast<uint32_t>(id))) continue;
    const Bitmap* bitmap = test.column->rows_of(static_cast<uint32_t>(id));
    if (bitmap == nullptr) return false;
    rows += bitmap->cardinality();
    if (static_cast<double>(rows) > most) return false;
    bitmaps.push_back(bitmap);
  }
  Bitmap chosen =
      bitmaps.size() == 1 ? bitmaps[0]->clone() : Bitmap::union_of(bitmaps);
  rows_ = rows_ ? *rows_ & chosen : std::move(chosen);
  if (rows_->empty()) never_ = true;
  return true;
}

std::vector<std::string> SegmentFilter::describe() const {
  std::vector<std::string> out;
  if (rows_) out.push_back(fmt::format("index: {} rows", rows_->cardinality()));
  for (const ColumnTest& test : tests_) {
    if (!test.of_ids()) {
      out.push_back(fmt::format("range of {}", test.name));
      continue;
    }
    out.push_back(fmt::format("values of {}: {} of {}", test.name,
                              test.members.count(), test.members.size()));
  }
  for (size_t i : rest_in_order()) {
    out.push_back("test: " + to_text(*rest_[i]));
  }
  return out;
}

bool SegmentFilter::zone_excludes(uint32_t block) const {
  for (const ColumnTest& test : tests_) {
    if (test.of_ids() && (!test.column->dictionary()->sorted() ||
                          test.members.contains(kNullId))) {
      continue;
    }
    if (!test.column->may_have(block, test.low, test.high)) return true;
  }
  return false;
}

bool SegmentFilter::needed(const ColumnTest& test, uint32_t block) {
  if (test.gaps) return true;
  if (test.of_ids() && !test.column->dictionary()->sorted()) return true;
  auto zone = test.column->zone_map(block);
  return !zone || zone->num_nulls > 0 || zone->min_long < test.low ||
         zone->max_long > test.high;
}

struct SegmentFilter::Passing {
  Passing(BlockRows& rows, std::vector<uint16_t>& positions, uint32_t block)
      : rows(rows),
        positions(positions),
        block(block),
        size(rows.context().segment().block_rows(block)) {}

  BlockRows& rows;
  std::vector<uint16_t>& positions;
  const uint32_t block;
  const uint32_t size;  // of the block
  bool as_mask = true;
  RowMask mask;
  uint32_t count = 0;

  // All rows but the hidden ones.
  void start(const Bitmap* hidden) {
    rows.reset(block, positions, true);
    fill_mask(size, mask);
    count = size;
    if (!hidden) return;
    hidden->rows_in(block * kBlockRows, block * kBlockRows + size, positions);
    for (uint16_t row : positions) {
      mask[row / 64] &= ~(uint64_t{1} << row % 64);
    }
    count -= static_cast<uint32_t>(positions.size());
    positions.clear();
  }
  void start(const Bitmap& candidates) {
    as_mask = false;
    candidates.rows_in(block * kBlockRows, block * kBlockRows + size,
                       positions);
    count = static_cast<uint32_t>(positions.size());
    rows.reset(block, positions, count == size);
  }

  void apply(const ColumnTest& asked) {
    const ColumnTest& test = asked.base ? *asked.base : asked;
    if (as_mask) {
      test.of_ids() ? keep_ids(test) : keep_values(test);
      count = count_rows(mask);
      if (count * kSparse < size) use_positions();
      return;
    }
    if (!test.of_ids()) return keep_lanes(test);
    const uint32_t* ids = rows.ids(*test.column).data();
    keep([&](size_t i) { return test.members.contains(ids[i]); });
  }

  // Of lanes, after which everything is read at positions.
  template <class Keep>
  void keep(Keep test) {
    if (count == size && positions.size() != size) {
      mask_positions(mask, positions);
    }
    keep_if(positions, test);
    count = static_cast<uint32_t>(positions.size());
    rows.reset(block, positions, count == size);
  }

  void use_positions() {
    if (!as_mask) return;
    as_mask = false;
    if (count == size) return;  // rows still has all of them
    mask_positions(mask, positions);
    rows.reset(block, positions, false);
  }

 private:
  void keep_values(const ColumnTest& test) {
    const auto& longs = rows.whole_longs(*test.column);
    keep_range(longs.data(), size, test.low, test.high, mask);
    // A null reads as 0.
    if (test.low > 0 || test.high < 0 || !test.column->has_nulls()) return;
    uint64_t nulls[kBlockRows / 64];
    if (test.column->read_nulls(block, nulls)) drop_rows(nulls, mask);
  }
  void keep_ids(const ColumnTest& test) {
    const auto& ids = rows.whole_ids(*test.column);
    if (test.gaps) {
      keep_members(ids.data(), size, test.members, mask);
    } else {
      keep_id_range(ids.data(), size, static_cast<uint32_t>(test.low),
                    static_cast<uint32_t>(test.high), mask);
    }
  }
  void keep_lanes(const ColumnTest& test) {
    std::vector<int64_t> longs;
    rows.read_longs(*test.column, longs);
    Vector nulls;
    nulls.size = rows.size();
    rows.mark_nulls(*test.column, nulls);
    keep([&](size_t i) {
      return longs[i] >= test.low && longs[i] <= test.high && nulls.is_value(i);
    });
  }
};

Result<bool> SegmentFilter::select(uint32_t block, BlockRows& rows,
                                   std::vector<uint16_t>& positions,
                                   uint64_t& looked_at) const {
  positions.clear();
  if (!rows_ && zone_excludes(block)) return false;
  Passing passing(rows, positions, block);
  rows_ ? passing.start(*rows_) : passing.start(hidden_);
  if (passing.count == 0 || (rows_ && zone_excludes(block))) return false;
  looked_at += passing.count;
  for (const ColumnTest& test : tests_) {
    if (!needed(test, block)) continue;
    passing.apply(test);
    if (passing.count == 0) return false;
  }
  passing.use_positions();
  return test_rest(rows, passing);
}

// Those that failed in an earlier block come last.
std::vector<size_t> SegmentFilter::rest_in_order() const {
  std::vector<size_t> order, last;
  const uint64_t late = late_->load(std::memory_order_relaxed);
  for (size_t i = 0; i < rest_.size(); ++i) {
    bool is_late = i < kMaxLate && (late >> i & 1) != 0;
    (is_late ? last : order).push_back(i);
  }
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

// A condition that fails on some row is asked again when the others have
// dropped theirs: one that another condition excludes has no error. In later
// blocks it is asked last, once.
Result<bool> SegmentFilter::test_rest(BlockRows& rows, Passing& passing) const {
  std::vector<size_t> open = rest_in_order();
  while (!open.empty()) {
    std::map<size_t, Error> failed;
    for (size_t i : open) {
      auto truth = rows.evaluate_checked(*rest_[i]);
      if (!truth) {
        failed.emplace(i, truth.error());
        continue;
      }
      const Vector& t = **truth;
      passing.keep(
          [&](size_t row) { return t.is_value(row) && t.longs[t.at(row)]; });
      if (passing.count == 0) return false;
    }
    // The same one, whatever the order was.
    if (failed.size() == open.size()) return failed.begin()->second;
    open.clear();
    for (const auto& [i, error] : failed) {
      open.push_back(i);
      if (i < kMaxLate) {
        late_->fetch_or(uint64_t{1} << i, std::memory_order_relaxed);
      }
    }
  }
  return true;
}

}  // namespace freshet
