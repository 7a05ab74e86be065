#include "server/query/result_rows.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "server/query/evaluator.h"
#include "server/query/run_sort.h"
#include "server/query/value_ids.h"

namespace freshet {
namespace {

constexpr size_t kRowsBetweenChecks = 4096;
constexpr size_t kSelectedRows = size_t{1} << 18;  // at once, unstopped
constexpr size_t kFewRows = size_t{1} << 16;       // to pick, not to sort
constexpr size_t kShortText = 15;  // texts that need no memory of their own

// Compares rows by the plan's order, then by number.
class RowOrder {
 public:
  RowOrder(const QueryPlan& plan, const ResultRows& rows)
      : plan_(plan), rows_(rows) {}

  bool operator()(uint32_t a, uint32_t b) const {
    for (size_t i = 0; i < plan_.order.size(); ++i) {
      int order = compare(plan_.order[i], *rows_.order[i], a, b);
      if (order != 0) return order < 0;
    }
    return a < b;
  }

 private:
  static int compare(const QueryPlan::Order& by, const Vector& v, uint32_t a,
                     uint32_t b) {
    bool null_a = !v.is_value(a), null_b = !v.is_value(b);
    if (null_a || null_b) {
      int order = static_cast<int>(null_b) - static_cast<int>(null_a);
      return by.nulls_first ? order : -order;
    }
    int order = compare_lanes(v, a, v, b);
    return by.descending ? -order : order;
  }

  const QueryPlan& plan_;
  const ResultRows& rows_;
};

// Lanes by the names of groups and aggregates; some of them, or all.
class GroupRows final : public RowSource {
 public:
  GroupRows(const QueryPlan& plan, const std::vector<VectorPtr>& columns,
            size_t size)
      : plan_(plan), columns_(columns), size_(size), all_(size) {}
  // Those from `begin` on of `all`.
  GroupRows(const GroupRows& all, size_t begin, size_t size)
      : plan_(all.plan_),
        columns_(all.columns_),
        begin_(begin),
        size_(size),
        all_(all.size_) {}
  size_t size() const override { return size_; }
  Result<VectorPtr> column(const Expression& column) override {
    const Query& query = plan_.query;
    for (size_t i = 0; i < query.groups.size(); ++i) {
      if (query.groups[i].name == column.name) return lanes(columns_[i]);
    }
    for (size_t i = 0; i < query.aggregates.size(); ++i) {
      if (query.aggregates[i].name == column.name) {
        return lanes(columns_[query.groups.size() + i]);
      }
    }
    return Error{ErrorCode::kInternal, "not an output: " + column.name};
  }

 private:
  VectorPtr lanes(const VectorPtr& column) const {
    return size_ == all_ ? column : some_lanes(*column, begin_, size_);
  }

  const QueryPlan& plan_;
  const std::vector<VectorPtr>& columns_;
  const size_t begin_ = 0, size_, all_;
};

// The expression's lanes, none of them an error; of many, some at a time.
Result<VectorPtr> evaluate_groups(const Expression& expression, GroupRows& rows,
                                  EvaluationContext& context,
                                  QueryControl& control) {
  constexpr size_t kAtOnce = 2 * kBlockRows;
  auto evaluate = [&](GroupRows& some) -> Result<VectorPtr> {
    TRY_ASSIGN(VectorPtr values, evaluate_vector(expression, some, context));
    TRY(check_lanes(*values, expression));
    return values;
  };
  const size_t size = rows.size();
  if (expression.kind != Expression::Kind::kCall || size <= kAtOnce) {
    return evaluate(rows);
  }
  TRY_ASSIGN(auto out, make_vector(expression.type, size, control));
  for (size_t begin = 0; begin < size; begin += kAtOnce) {
    TRY(control.check());
    GroupRows some(rows, begin, std::min(kAtOnce, size - begin));
    TRY_ASSIGN(VectorPtr values, evaluate(some));
    for (size_t i = 0; i < some.size(); ++i) {
      out->set_from(begin + i, *values, i);
    }
  }
  return VectorPtr(out);
}

// The first `wanted` rows of `order` in order, then nothing: the best of runs,
// so that a query of millions of groups can be stopped in between.
Status pick_first(std::vector<uint32_t>& order, size_t wanted,
                  const RowOrder& before, const QueryControl& control) {
  std::vector<uint32_t> best;
  TRY(in_runs(order.size(), &control, [&](size_t begin, size_t count) {
    auto at = order.begin() + static_cast<ptrdiff_t>(begin);
    best.insert(best.end(), at, at + static_cast<ptrdiff_t>(count));
    const size_t kept = std::min(wanted, best.size());
    std::partial_sort(best.begin(), best.begin() + static_cast<ptrdiff_t>(kept),
                      best.end(), before);
    best.resize(kept);
  }));
  order = std::move(best);
  return {};
}

Result<VectorPtr> picked(const Vector& v, const std::vector<uint32_t>& lanes,
                         const QueryControl& control) {
  TRY_ASSIGN(auto out, make_vector(v.type, lanes.size(), control));
  TRY(in_runs(lanes.size(), &control, [&](size_t begin, size_t count) {
    for (size_t i = begin; i < begin + count; ++i) {
      out->set_from(i, v, lanes[i]);
    }
  }));
  return VectorPtr(out);
}

// Keeps the first of equal rows.
Result<std::vector<uint32_t>> without_repeats(
    const ResultRows& rows, const std::vector<uint32_t>& order,
    QueryControl& control) {
  std::vector<uint32_t> ids(rows.size, 0);
  std::vector<uint32_t> column_ids;
  MemoryCharge charge(control);
  for (const VectorPtr& column : rows.outputs) {
    ValueIds values(column->type);
    TRY(values.intern_many(*column, column_ids, control));
    IdTable pairs;
    TRY(in_runs(rows.size, &control, [&](size_t begin, size_t count) -> Status {
      TRY(pairs.make_room(count, &control));
      for (size_t i = begin; i < begin + count; ++i) {
        ids[i] = pairs.find_or_add(uint64_t{ids[i]} << 32 | column_ids[i]);
      }
      charge.set(values.memory_bytes() + pairs.memory_bytes());
      return {};
    }));
  }
  std::vector<uint8_t> seen(rows.size);
  std::vector<uint32_t> out;
  TRY(in_runs(order.size(), &control, [&](size_t begin, size_t count) {
    for (uint32_t row : std::span(order).subspan(begin, count)) {
      if (!seen[ids[row]]) out.push_back(row);
      seen[ids[row]] = 1;
    }
  }));
  return out;
}

}  // namespace

Result<std::vector<uint32_t>> ordered_rows(const QueryPlan& plan,
                                           const ResultRows& rows,
                                           std::optional<uint64_t> wanted,
                                           const QueryControl& control) {
  std::vector<uint32_t> order(rows.size);
  std::iota(order.begin(), order.end(), 0u);
  bool part = wanted && *wanted < order.size();
  if (!plan.order.empty()) {
    RowOrder before(plan, rows);
    if (part && *wanted <= kFewRows) {
      TRY(pick_first(order, *wanted, before, control));
    } else {
      TRY(sort_in_runs(order, before, control));
    }
  }
  if (part) order.resize(*wanted);
  return order;
}

Result<std::vector<uint32_t>> first_rows(const QueryPlan& plan,
                                         const ResultRows& rows, size_t wanted,
                                         const QueryControl& control) {
  std::vector<uint32_t> order;
  if (plan.order.empty() || rows.size <= wanted || rows.size > kSelectedRows) {
    TRY_ASSIGN(order, ordered_rows(plan, rows, wanted, control));
  } else {
    order.resize(rows.size);
    std::iota(order.begin(), order.end(), 0u);
    std::nth_element(order.begin(),
                     order.begin() + static_cast<ptrdiff_t>(wanted),
                     order.end(), RowOrder(plan, rows));
    order.resize(wanted);
  }
  std::sort(order.begin(), order.end());
  return order;
}

Status finish_rows(const QueryPlan& plan, const ResultRows& rows,
                   QueryControl& control, QueryResult& result) {
  TRY(control.check());
  bool distinct = plan.query.distinct;
  auto wanted = plan.rows_wanted();
  TRY_ASSIGN(
      auto order,
      ordered_rows(plan, rows, distinct ? std::nullopt : wanted, control));
  if (distinct) {
    TRY_ASSIGN(order, without_repeats(rows, order, control));
  }
  if (wanted && *wanted < order.size()) order.resize(*wanted);
  size_t from = std::min<uint64_t>(plan.query.offset, order.size());
  TRY(control.check_rows(order.size() - from));
  MemoryCharge charge(control);
  uint64_t bytes = (order.size() - from) * sizeof(result.rows[0]);
  charge.set(bytes);
  TRY(control.check());
  result.rows.reserve(order.size() - from);
  for (size_t i = from; i < order.size(); ++i) {
    std::vector<Value> row;
    row.reserve(rows.outputs.size());
    for (const VectorPtr& column : rows.outputs) {
      row.push_back(column->value(order[i]));
      const std::string* text = row.back().as_string();
      if (text && text->size() > kShortText) bytes += text->size();
    }
    bytes += row.size() * sizeof(Value);
    result.rows.push_back(std::move(row));
    if (i % kRowsBetweenChecks != 0) continue;
    charge.set(bytes);
    TRY(control.check());
  }
  return {};
}

Result<ResultRows> group_rows(const QueryPlan& plan,
                              std::vector<VectorPtr> columns, size_t size,
                              QueryControl& control, Arena& arena) {
  EvaluationContext context{arena, false, &control};
  if (plan.having) {
    GroupRows all(plan, columns, size);
    TRY_ASSIGN(VectorPtr truth,
               evaluate_groups(*plan.having, all, context, control));
    std::vector<uint32_t> kept;
    TRY(in_runs(size, &control, [&](size_t begin, size_t count) {
      for (size_t i = begin; i < begin + count; ++i) {
        if (truth->is_value(i) && truth->longs[truth->at(i)]) {
          kept.push_back(static_cast<uint32_t>(i));
        }
      }
    }));
    for (VectorPtr& column : columns) {
      TRY_ASSIGN(column, picked(*column, kept, control));
    }
    size = kept.size();
  }
  ResultRows out;
  out.size = size;
  GroupRows rows(plan, columns, size);
  for (const auto& e : plan.output_expressions) {
    TRY_ASSIGN(VectorPtr value, evaluate_groups(*e, rows, context, control));
    out.outputs.push_back(std::move(value));
  }
  for (const auto& by : plan.order) {
    TRY_ASSIGN(VectorPtr value,
               evaluate_groups(*by.expression, rows, context, control));
    out.order.push_back(std::move(value));
  }
  return out;
}

}  // namespace freshet
