// The functions and operators an expression may call: how each checks its
// arguments and how it is computed over a batch. Constant tables, one per
// functions_*.cc; found by name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/vector.h"

namespace freshet {

class QueryControl;

struct EvaluationContext {
  Arena& arena;         // of computed strings; outlives the results
  bool strict = false;  // division by zero is an error, else null
  // Asked before each function, and within one of long texts; charged for
  // what is computed. Null outside of queries.
  QueryControl* control = nullptr;
};

// One call over `size` lanes. Arguments are of the checked types; each has
// `size` lanes, constant or not.
struct FunctionCall {
  const Expression& expression;
  std::span<const VectorPtr> arguments;
  size_t size;
  EvaluationContext& context;
  const Vector& argument(size_t i) const { return *arguments[i]; }
};

struct Function {
  std::string_view name;
  int min_arguments;
  int max_arguments;  // -1: any number
  // Gives the result type and may wrap arguments in casts; arguments are
  // resolved. kInvalid names the types that do not fit.
  Result<ExpressionType> (*check)(Expression& call);
  // Not called if `check` is of an operator the evaluator knows itself.
  std::shared_ptr<Vector> (*evaluate)(const FunctionCall& call);
  // A text it makes may be many times as long as those it takes.
  bool lengthens = false;
};

std::span<const Function> arithmetic_functions();
std::span<const Function> logic_functions();
std::span<const Function> string_functions();
std::span<const Function> time_functions();
std::span<const Function> cast_functions();
std::span<const Function> math_functions();
std::span<const Function> text_functions();
std::span<const Function> regexp_functions();
std::span<const Function> calendar_functions();
std::span<const Function> lookup_functions();

// nullptr for an unknown name (lower case).
const Function* find_function(std::string_view name);
std::vector<std::string> function_names();  // sorted

// Helpers of the checks ------------------------------------------------------

// "operator '+' does not take string and long".
Error type_error(const Expression& call);
// `argument` as `type`: itself, or wrapped in a cast.
ExpressionPtr as_type(const ExpressionPtr& argument, ExpressionType type);
// Casts arguments [from, to) to their common type, which is returned. A
// string literal beside another type is read as that type, 0 and 1 beside bools
// as false and true.
Result<ExpressionType> unify(Expression& call, size_t from, size_t to);
// The same over the given argument positions.
Result<ExpressionType> unify_at(Expression& call,
                                std::span<const size_t> positions);
// Casts argument i to `type` if it is null or long/decimal -> double.
Status expect(Expression& call, size_t i, ExpressionType type);

// Helpers of the kernels -----------------------------------------------------

// A result vector with the greatest state of the arguments on each lane.
std::shared_ptr<Vector> result_vector(const FunctionCall& call);
// Casts one vector; zone for text and timestamps. A bad cast is null.
VectorPtr cast_vector(const VectorPtr& in, ExpressionType to,
                      const absl::TimeZone& zone, Arena& arena);

}  // namespace freshet
