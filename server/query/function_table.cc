#include "server/query/function_table.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>

#include "server/query/expression_type.h"

namespace freshet {
namespace {

using Index = absl::flat_hash_map<std::string, const Function*>;

const Index& function_index() {
  static const Index index = [] {
    Index made;
    for (auto table : {arithmetic_functions(), logic_functions(),
                       string_functions(), time_functions(), cast_functions(),
                       math_functions(), text_functions(), regexp_functions(),
                       calendar_functions(), lookup_functions()}) {
      for (const Function& f : table) made[std::string(f.name)] = &f;
    }
    return made;
  }();
  return index;
}

// Reads a string literal as `type`: "__time >= '2026-01-01'".
Result<ExpressionPtr> read_literal(const Expression& text, ExpressionType type,
                                   const absl::TimeZone& zone) {
  Arena arena;
  VectorPtr in = make_constant(text.type, text.literal, 1);
  VectorPtr out = cast_vector(in, type, zone, arena);
  if (!out->is_value(0)) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format("cannot read as {}: {}", type_name(type), to_text(text)),
        text.line, text.column};
  }
  auto made = std::make_shared<Expression>(text);
  made->literal = out->value(0);
  made->type = type;
  return ExpressionPtr(made);
}

bool is_text_literal(const Expression& e) {
  return e.kind == Expression::Kind::kLiteral && e.literal.as_string();
}

bool is_whole_text(const Expression& e) {
  int64_t ignored;
  return absl::SimpleAtoi(*e.literal.as_string(), &ignored);
}

// 0 or 1 as written.
bool is_truth_number(const Expression& e) {
  const int64_t* number =
      e.kind == Expression::Kind::kLiteral ? e.literal.as_long() : nullptr;
  return number && (*number == 0 || *number == 1);
}

// Clients that know no bool ask for `paid = 1` (pydruid tells SQLAlchemy that a
// BOOLEAN is a LONG): 0 and 1 beside nothing but bools are false and true.
void read_truths(Expression& call, std::span<const size_t> positions) {
  bool beside_bool = false;
  for (size_t i : positions) {
    const Expression& argument = *call.arguments[i];
    ValueType type = argument.type.type;
    if (type == ValueType::kBool) beside_bool = true;
    bool fits = type == ValueType::kBool || type == ValueType::kNull ||
                is_truth_number(argument);
    if (!fits) return;
  }
  if (!beside_bool) return;
  for (size_t i : positions) {
    ExpressionPtr& argument = call.arguments[i];
    if (!is_truth_number(*argument)) continue;
    auto truth = std::make_shared<Expression>(*argument);
    truth->literal = Value(*argument->literal.as_long() == 1);
    truth->type = {ValueType::kBool};
    argument = std::move(truth);
  }
}

}  // namespace

const Function* find_function(std::string_view name) {
  const Index& index = function_index();
  auto at = index.find(std::string(name));
  return at == index.end() ? nullptr : at->second;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const auto& [name, function] : function_index()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

Error type_error(const Expression& call) {
  constexpr size_t kShown = 200;  // of a text that may be a megabyte
  std::string types;
  for (const auto& argument : call.arguments) {
    if (!types.empty()) types += ", ";
    types += type_name(argument->type);
    if (types.size() > kShown) break;
  }
  std::string text = to_text(call);
  if (types.size() > kShown) types += ", ...";
  if (text.size() > kShown) text.replace(kShown, text.size(), "...");
  return Error{
      ErrorCode::kInvalid,
      fmt::format("'{}' does not take ({}): {}", call.name, types, text),
      call.line, call.column};
}

ExpressionPtr as_type(const ExpressionPtr& argument, ExpressionType type) {
  if (argument->type == type) return argument;
  auto made = std::make_shared<Expression>();
  made->kind = Expression::Kind::kCall;
  made->name = "cast";
  made->cast_type = type;
  made->widens = is_numeric(argument->type) && type.type == ValueType::kDecimal;
  made->type = type;
  made->arguments = {argument};
  made->line = argument->line;
  made->column = argument->column;
  return made;
}

Result<ExpressionType> unify_at(Expression& call,
                                std::span<const size_t> positions) {
  read_truths(call, positions);
  ExpressionType common;
  for (size_t i : positions) {
    if (is_text_literal(*call.arguments[i])) continue;
    auto next = common_type(common, call.arguments[i]->type);
    if (!next) return type_error(call);
    common = *next;
  }
  if (common.type == ValueType::kNull) {
    for (size_t i : positions) {
      auto next = common_type(common, call.arguments[i]->type);
      if (!next) return type_error(call);
      common = *next;
    }
  }
  for (size_t i : positions) {
    ExpressionPtr& argument = call.arguments[i];
    if (is_text_literal(*argument) && common.type != ValueType::kString) {
      ExpressionType wanted = common;
      if (wanted.type == ValueType::kLong ||
          wanted.type == ValueType::kDecimal) {
        // "qty = '3'" stays exact if it can.
        wanted.type =
            is_whole_text(*argument) ? ValueType::kLong : ValueType::kDouble;
        wanted.scale = 0;
      }
      TRY_ASSIGN(argument, read_literal(*argument, wanted, call.zone));
      auto next = common_type(common, argument->type);
      if (!next) return type_error(call);
      common = *next;
    }
  }
  for (size_t i : positions) {
    call.arguments[i] = as_type(call.arguments[i], common);
  }
  return common;
}

Result<ExpressionType> unify(Expression& call, size_t from, size_t to) {
  std::vector<size_t> positions;
  for (size_t i = from; i < to; ++i) positions.push_back(i);
  return unify_at(call, positions);
}

Status expect(Expression& call, size_t i, ExpressionType type) {
  ExpressionPtr& argument = call.arguments[i];
  if (argument->type == type) return {};
  bool widens = argument->type.type == ValueType::kNull ||
                (type.type == ValueType::kDouble && is_numeric(argument->type));
  if (!widens) return type_error(call);
  argument = as_type(argument, type);
  return {};
}

std::shared_ptr<Vector> result_vector(const FunctionCall& call) {
  auto out = make_vector(call.expression.type, call.size);
  for (const VectorPtr& argument : call.arguments) {
    if (argument->states.empty()) continue;
    out->need_states();
    for (size_t i = 0; i < call.size; ++i) {
      out->states[i] = std::max(out->states[i], argument->state(i));
    }
  }
  return out;
}

}  // namespace freshet
