#include "server/sql/expression_equal.h"

#include "server/query/value_map.h"

namespace freshet {
namespace {

bool same_map(const ValueMap* a, const ValueMap* b) {
  return a == b ||
         (a && b && a->identity == b->identity && a->shape_of == b->shape_of);
}

}  // namespace

bool same_expression(const Expression& a, const Expression& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.name != b.name ||
      a.arguments.size() != b.arguments.size() ||
      !(a.cast_type == b.cast_type) || !(a.granularity == b.granularity) ||
      a.zone != b.zone || a.literal.type() != b.literal.type() ||
      !(a.literal == b.literal) || !same_map(a.map.get(), b.map.get())) {
    return false;
  }
  for (size_t i = 0; i < a.arguments.size(); ++i) {
    if (!same_expression(*a.arguments[i], *b.arguments[i])) return false;
  }
  return true;
}

bool same_expression(const ExpressionPtr& a, const ExpressionPtr& b) {
  return a == b || (a && b && same_expression(*a, *b));
}

}  // namespace freshet
