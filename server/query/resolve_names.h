// resolve() against any list of typed names: a schema's columns, or the
// outputs of an aggregation.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "server/query/expression.h"

namespace freshet {

struct TypedName {
  std::string name;
  ExpressionType type;
};

// As resolve() of expression.h. `what` is a name's kind in messages.
Result<ExpressionPtr> resolve_names(const ExpressionPtr& expression,
                                    std::span<const TypedName> names,
                                    std::string_view what);

// Position of `name` in `names`: exact, else without regard to case.
std::optional<size_t> find_name(std::string_view name,
                                std::span<const TypedName> names);

// kInvalid "unknown WHAT (did you mean 'x'?): name".
Error unknown_name(std::string_view what, std::string_view name,
                   std::span<const TypedName> known);

}  // namespace freshet
