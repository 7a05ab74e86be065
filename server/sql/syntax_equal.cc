#include "server/sql/syntax_equal.h"

#include "server/sql/letters.h"

namespace freshet {
namespace {

bool same_parts(const std::vector<SqlPtr>& a, const std::vector<SqlPtr>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same_syntax(*a[i], *b[i])) return false;
  }
  return true;
}

bool same_part(const SqlPtr& a, const SqlPtr& b) {
  return a == b || (a && b && same_syntax(*a, *b));
}

}  // namespace

bool same_syntax(const SqlExpression& a, const SqlExpression& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || !same_letters(a.name, b.name) ||
      !same_letters(a.qualifier, b.qualifier) ||
      a.literal.type() != b.literal.type() || !(a.literal == b.literal) ||
      a.span.months != b.span.months || a.span.ms != b.span.ms ||
      a.parameter != b.parameter || a.star != b.star ||
      a.distinct != b.distinct || a.type_name != b.type_name ||
      a.scale != b.scale || a.subquery != b.subquery || a.over != b.over) {
    return false;
  }
  return same_part(a.filter, b.filter) && same_parts(a.arguments, b.arguments);
}

}  // namespace freshet
