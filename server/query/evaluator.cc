#include "server/query/evaluator.h"

#include <algorithm>
#include <optional>

#include "server/query/query_control.h"

namespace freshet {
namespace {

// Arguments of AND and OR that are computed before they are joined: thousands
// of them must not be in memory together.
constexpr size_t kJoined = 16;

// Texts that a function reads without a look at the query's control, and, of
// more, those it reads between two looks: a few milliseconds of a regular
// expression.
constexpr size_t kUnwatchedBytes = size_t{1} << 20;
constexpr size_t kRunBytes = size_t{1} << 17;

// Lanes of a run of a function that lengthens texts, which come to kRunBytes
// or less if the run before them did: at the worst, 512 texts of 64 kB.
constexpr size_t kFirstLanes = 16, kMostLanes = 512;

// Bytes of the texts of a lane, but for those that all lanes have.
size_t text_bytes(const std::vector<VectorPtr>& vectors, size_t lane) {
  size_t bytes = 0;
  for (const VectorPtr& v : vectors) {
    if (!v->constant && !v->strings.empty()) bytes += v->strings[lane].size();
  }
  return bytes;
}

size_t text_bytes(const std::vector<VectorPtr>& vectors) {
  size_t bytes = 0;
  for (const VectorPtr& v : vectors) {
    if (v->constant) continue;
    for (std::string_view text : v->strings) bytes += text.size();
  }
  return bytes;
}

Result<VectorPtr> apply_in_runs(const Function& function, const Expression& e,
                                const std::vector<VectorPtr>& arguments,
                                size_t size, EvaluationContext& context) {
  auto out = make_vector(e.type, size);
  size_t most = function.lengthens ? kFirstLanes : size;
  std::vector<VectorPtr> some(arguments.size());
  for (size_t begin = 0, end = 0; begin < size; begin = end) {
    size_t bytes = 0;
    while (end < size && end - begin < most && bytes < kRunBytes) {
      bytes += text_bytes(arguments, end++);
    }
    for (size_t i = 0; i < some.size(); ++i) {
      some[i] = some_lanes(*arguments[i], begin, end - begin);
    }
    VectorPtr made = function.evaluate({e, some, end - begin, context});
    TRY(context.control->check());
    for (size_t i = begin; i < end; ++i) out->set_from(i, *made, i - begin);
    if (!function.lengthens) continue;
    most = text_bytes({made}) > kRunBytes ? std::max<size_t>(most / 2, 1)
                                          : std::min(most * 2, kMostLanes);
  }
  return VectorPtr(out);
}

Result<VectorPtr> apply(const Function& function, const Expression& e,
                        const std::vector<VectorPtr>& arguments,
                        RowSource& rows, EvaluationContext& context) {
  bool constant = std::all_of(arguments.begin(), arguments.end(),
                              [](const VectorPtr& v) { return v->constant; });
  size_t size = constant ? 1 : rows.size();
  const bool watched =
      context.control && size > 1 &&
      (function.lengthens || text_bytes(arguments) > kUnwatchedBytes);
  if (watched) return apply_in_runs(function, e, arguments, size, context);
  auto out = function.evaluate({e, arguments, size, context});
  if (context.control) TRY(context.control->check());
  if (constant) {
    out->constant = true;
    out->size = rows.size();
  }
  return VectorPtr(out);
}

Result<VectorPtr> evaluate_call(const Expression& e, RowSource& rows,
                                EvaluationContext& context) {
  const Function* function = find_function(e.name);
  if (!function) return Error{ErrorCode::kInternal, "not resolved: " + e.name};
  if (context.control) TRY(context.control->check());
  const bool joins = e.name == "and" || e.name == "or";
  std::vector<VectorPtr> arguments;
  std::optional<MemoryCharge> charge;  // of arguments nobody else has
  if (context.control) charge.emplace(*context.control);
  uint64_t bytes = 0;
  for (const auto& argument : e.arguments) {
    TRY_ASSIGN(VectorPtr value, evaluate_vector(*argument, rows, context));
    const bool mine = value.use_count() == 1 && !value->constant;
    if (mine) bytes += value->memory_bytes();
    arguments.push_back(std::move(value));
    if (joins && arguments.size() == kJoined) {
      TRY_ASSIGN(VectorPtr joined,
                 apply(*function, e, arguments, rows, context));
      bytes = joined->memory_bytes();
      arguments = {std::move(joined)};
    }
    if (!charge || !mine) continue;
    charge->set(bytes);
    TRY(context.control->check());
  }
  return apply(*function, e, arguments, rows, context);
}

class NoRows final : public RowSource {
 public:
  size_t size() const override { return 1; }
  Result<VectorPtr> column(const Expression& column) override {
    return Error{ErrorCode::kInternal, "not a constant: " + column.name};
  }
};

}  // namespace

Result<VectorPtr> evaluate_vector(const Expression& e, RowSource& rows,
                                  EvaluationContext& context) {
  switch (e.kind) {
    case Expression::Kind::kLiteral:
      return make_constant(e.type, e.literal, rows.size());
    case Expression::Kind::kColumn:
      return rows.column(e);
    case Expression::Kind::kCall:
      break;
  }
  TRY_ASSIGN(VectorPtr known, rows.known(e));
  if (known) return known;
  return evaluate_call(e, rows, context);
}

Result<std::optional<Value>> constant_value(const Expression& expression) {
  std::vector<std::string> columns;
  collect_columns(expression, columns);
  if (!columns.empty()) return std::optional<Value>();
  Arena arena;
  EvaluationContext context{arena};
  NoRows rows;
  TRY_ASSIGN(VectorPtr value, evaluate_vector(expression, rows, context));
  TRY(check_lanes(*value, expression));
  return std::optional<Value>(value->value(0));
}

}  // namespace freshet
