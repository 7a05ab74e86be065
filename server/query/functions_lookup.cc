// lookup_value and lookup_has: what a ValueMap has for a key. Made by the
// planner, which gives them their map; no names of SQL.
#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/value_map.h"

namespace freshet {
namespace {

// The key becomes what the map's keys are.
Status check_key(Expression& call) {
  if (!call.map) {
    return Error{ErrorCode::kInvalid, "unknown function: " + call.name,
                 call.line, call.column};
  }
  ExpressionType wanted = call.map->keys->type();
  ExpressionPtr& key = call.arguments[0];
  if (wanted.type == ValueType::kNull) return {};
  if (wanted.type == ValueType::kString) {
    key = as_type(key, wanted);  // as LOOKUP of a number has it
    return {};
  }
  if (key->type == wanted) return {};
  auto common = common_type(key->type, wanted);
  if (!common || !(*common == wanted)) return type_error(call);
  key = as_type(key, wanted);
  return {};
}

Result<ExpressionType> check_value(Expression& call) {
  TRY(check_key(call));
  return call.map->type;
}

Result<ExpressionType> check_has(Expression& call) {
  TRY(check_key(call));
  return ExpressionType{ValueType::kBool};
}

std::shared_ptr<Vector> evaluate_value(const FunctionCall& call) {
  auto out = result_vector(call);
  const ValueMap& map = *call.expression.map;
  auto positions = map.keys->find_all(call.argument(0), call.size);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    uint32_t at = positions[i];
    if (at == KeyIndex::kNone || (*map.values)[at].is_null()) {
      out->set_null(i);
    } else {
      out->set(i, (*map.values)[at]);
    }
  }
  return out;
}

std::shared_ptr<Vector> evaluate_has(const FunctionCall& call) {
  auto out = result_vector(call);
  const ValueMap& map = *call.expression.map;
  auto positions = map.keys->find_all(call.argument(0), call.size);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) != kLaneValue) continue;
    out->longs[i] = positions[i] != KeyIndex::kNone;
  }
  return out;
}

constexpr Function kFunctions[] = {
    {"lookup_value", 1, 1, check_value, evaluate_value},
    {"lookup_has", 1, 1, check_has, evaluate_has},
};

}  // namespace

std::span<const Function> lookup_functions() { return kFunctions; }

}  // namespace freshet
