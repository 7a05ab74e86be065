#include "server/sql/reads_once.h"

#include <algorithm>

namespace freshet {
namespace {

bool has_subquery(const SqlPtr& node) {
  if (!node) return false;
  if (node->subquery || has_subquery(node->filter)) return true;
  if (node->over) {
    const auto& by = node->over->partition_by;
    const auto& order = node->over->order_by;
    bool inside = std::any_of(by.begin(), by.end(), has_subquery) ||
                  std::any_of(order.begin(), order.end(), [](const auto& s) {
                    return has_subquery(s.expression);
                  });
    if (inside) return true;
  }
  return std::any_of(node->arguments.begin(), node->arguments.end(),
                     has_subquery);
}

}  // namespace

bool reads_once(const SelectStatement& s) {
  if (!s.with.empty() || !s.parts.empty() || !s.values.empty() ||
      !s.grouping_sets.empty() || s.from.kind == FromItem::Kind::kJoin ||
      s.from.kind == FromItem::Kind::kAppend) {
    return false;
  }
  bool inside =
      has_subquery(s.where) || has_subquery(s.having) ||
      std::any_of(s.group_by.begin(), s.group_by.end(), has_subquery) ||
      std::any_of(s.items.begin(), s.items.end(),
                  [](const auto& i) { return has_subquery(i.expression); }) ||
      std::any_of(s.order_by.begin(), s.order_by.end(),
                  [](const auto& o) { return has_subquery(o.expression); });
  if (inside) return false;
  return s.from.kind != FromItem::Kind::kSubquery ||
         reads_once(*s.from.subquery);
}

}  // namespace freshet
