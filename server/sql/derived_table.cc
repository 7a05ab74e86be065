#include "server/sql/derived_table.h"

#include <algorithm>

#include "server/sql/time_bounds.h"
#include "server/sql/window_split.h"

namespace freshet {

bool only_maps(const SelectStatement& s) {
  auto is_plain = [](const SelectItem& item) {
    return !has_aggregate(*item.expression);
  };
  return s.from.kind != FromItem::Kind::kNothing && s.with.empty() &&
         s.parts.empty() && s.values.empty() && !s.distinct &&
         s.group_by.empty() && s.grouping_sets.empty() && !s.having &&
         s.order_by.empty() && !s.limit && !s.offset && !has_window(s) &&
         std::all_of(s.items.begin(), s.items.end(), is_plain);
}

Relation mapped_relation(Relation from, PlannedQuery map) {
  Relation out = std::move(from);
  out.lookup = nullptr;  // its rows and columns are other ones now
  const Query& query = map.query;
  std::vector<ExpressionPtr> tests;
  auto bound = [&](const char* comparison, Timestamp time) {
    tests.push_back(call(
        comparison, {column(std::string(kTimeColumn)), literal(Value(time))}));
  };
  const Interval all;
  if (query.interval.start != all.start) bound(">=", query.interval.start);
  if (query.interval.end != all.end) bound("<", query.interval.end);
  if (query.filter) split_conjuncts(query.filter, tests);
  out.filter = join_conjuncts(std::move(tests));
  out.columns.clear();
  for (size_t i = 0; i < map.names.size(); ++i) {
    const ExpressionPtr& value = query.select[i].expression;
    VisibleColumn made;
    made.name = std::move(map.names[i]);
    if (value->kind == Expression::Kind::kColumn) {
      made.physical = value->name;
    } else {
      made.computed = value;
    }
    out.columns.push_back(std::move(made));
  }
  return out;
}

}  // namespace freshet
