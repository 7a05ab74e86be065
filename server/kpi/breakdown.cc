// The rows of an answer: by dimensions, the greatest first, and what is left.
#include <algorithm>

#include "server/kpi/kpi_answerer.h"

namespace freshet {
namespace {

// Whether a row is not this one; nulls are values here.
ExpressionPtr differs(const std::vector<ExpressionPtr>& by,
                      const GroupKey& key) {
  std::vector<ExpressionPtr> any;
  for (size_t i = 0; i < by.size(); ++i) {
    if (key[i].is_null()) {
      any.push_back(call("is_not_null", {by[i]}));
    } else {
      any.push_back(call("or", {call("is_null", {by[i]}),
                                call("<>", {by[i], literal(key[i])})}));
    }
  }
  return any.size() == 1 ? any[0] : call("or", std::move(any));
}

// Whether a row is none of these, by one dimension: one set, however many
// there are.
ExpressionPtr none_of(
    const ExpressionPtr& by,
    const std::vector<std::pair<GroupKey, BaseValues>>& shown) {
  std::vector<ExpressionPtr> in = {by};
  bool null_too = false;
  for (const auto& [key, unused] : shown) {
    if (key[0].is_null()) {
      null_too = true;
    } else {
      in.push_back(literal(key[0]));
    }
  }
  if (in.size() == 1) return call("is_not_null", {by});
  ExpressionPtr other = call("not", {call("in", std::move(in))});
  if (null_too) return other;
  return call("or", {call("is_null", {by}), std::move(other)});
}

bool null_or_less(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && !b.is_null();
  return Value::compare(a, b) < 0;
}

struct Ranked {
  const GroupKey* key;
  const BaseValues* values;
  Value value;
};

// Values without a number come last in any order but by name; ties by name.
void rank(std::vector<Ranked>& rows, const std::string& order) {
  if (order == "name") return;  // as the table has them
  bool ascending = order == "asc";
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const Ranked& a, const Ranked& b) {
                     if (a.value.is_null() || b.value.is_null()) {
                       return !a.value.is_null() && b.value.is_null();
                     }
                     return ascending ? null_or_less(a.value, b.value)
                                      : null_or_less(b.value, a.value);
                   });
}

}  // namespace

Status KpiAnswerer::answer_rows() {
  TRY_ASSIGN(BaseTable table,
             queries().rows(range_, moment(range_), request_.by));
  double length = days(range_);
  std::vector<Ranked> ranked;
  for (const auto& [key, values] : table) {
    ranked.push_back({&key, &values, plan_->evaluate(values, length).value});
  }
  rank(ranked, request_.order);
  out_.total_rows = ranked.size();
  size_t shown = ranked.size();
  if (request_.top) shown = std::min<size_t>(shown, *request_.top);

  std::vector<std::pair<GroupKey, BaseValues>> top;
  std::vector<GroupKey> keys;
  for (size_t i = 0; i < shown; ++i) {
    out_.rows.push_back({*ranked[i].key, ranked[i].value, std::nullopt,
                         std::nullopt, plan_->num_rows(*ranked[i].values)});
    top.emplace_back(*ranked[i].key, *ranked[i].values);
    keys.push_back(*ranked[i].key);
  }
  std::vector<const BaseValues*> rest;
  for (size_t i = shown; i < ranked.size(); ++i) {
    rest.push_back(ranked[i].values);
  }
  if (!rest.empty()) {
    TRY_ASSIGN(KpiNumber value, rest_value(top, rest));
    out_.rest = {std::move(value), rest.size()};
  }
  if (plan_->mergeable(false) && !flows_) {
    flows_ = plan_->empty();
    for (const auto& [key, values] : table) plan_->merge(*flows_, values);
  }
  if (comparison_) TRY(compare_rows(keys));
  return {};
}

// From the base values of the other rows where they add up; else computed over
// the rows that are not shown.
Result<KpiNumber> KpiAnswerer::rest_value(
    const std::vector<std::pair<GroupKey, BaseValues>>& shown,
    const std::vector<const BaseValues*>& rest) {
  BaseValues values = plan_->empty();
  if (plan_->mergeable(false)) {
    for (const BaseValues* one : rest) plan_->merge(values, *one);
  } else {
    if (plan_->has_other_time() && by_parts_of_time()) {
      return at_path("top", invalid("kpi '" + kpi_->name +
                                    "' goes by more than one time: it has no "
                                    "rest by hours and weekdays; leave 'top' "
                                    "out"));
    }
    std::vector<ExpressionPtr> all;
    if (filter_) all.push_back(filter_);
    std::vector<ExpressionPtr> by;
    for (const std::string& name : request_.by) {
      by.push_back(group_expression(name, zone_));
    }
    if (by.size() == 1) {
      all.push_back(none_of(by[0], shown));
    } else {
      for (const auto& [key, unused] : shown) {
        all.push_back(differs(by, key));
      }
    }
    ExpressionPtr filter = all.size() == 1 ? all[0] : call("and", all);
    BaseQueries others(*plan_, *data_, filter, clock());
    TRY_ASSIGN(values, others.total(range_, moment(range_)));
  }
  return plan_->evaluate(values, days(range_)).value;
}

Status KpiAnswerer::compare_rows(const std::vector<GroupKey>& keys) {
  Interval range = comparison_->range;
  if (nothing_to_compare()) {
    for (KpiAnswer::Row& row : out_.rows) row.compare = Value();
    return {};
  }
  TRY_ASSIGN(BaseTable table, queries().rows(range, range.end, request_.by));
  double length = length_in_days(range, zone_);
  for (size_t i = 0; i < keys.size(); ++i) {
    auto found = table.find(keys[i]);
    const BaseValues values =
        found == table.end() ? plan_->empty() : found->second;
    out_.rows[i].compare = plan_->evaluate(values, length).value;
  }
  return {};
}

}  // namespace freshet
