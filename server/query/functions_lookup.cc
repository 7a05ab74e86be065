// lookup_value and lookup_has: what a ValueMap has for a key. Made by the
// planner, which gives them their map; no names of SQL.
#include "server/query/expression_type.h"
#include "server/query/function_table.h"
#include "server/query/value_map.h"
#include "server/query/widen_value.h"

namespace freshet {
namespace {

// The same map by keys of a wider type.
Result<std::shared_ptr<const ValueMap>> widened_map(const ValueMap& map,
                                                    ExpressionType type) {
  std::vector<Value> keys;
  keys.reserve(map.keys->keys().size());
  for (const Value& key : map.keys->keys()) {
    TRY_ASSIGN(Value wide, widen(key, type));
    keys.push_back(std::move(wide));
  }
  auto made = std::make_shared<ValueMap>(map);
  made->identity += " as " + type_name(type);
  TRY_ASSIGN(made->keys, KeyIndex::create(type, std::move(keys)));
  return std::shared_ptr<const ValueMap>(made);
}

// The key becomes what the map's keys are; if it is of a wider type, the keys
// of what is only asked for membership become that.
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
  bool fits = common && (*common == wanted || call.name == "lookup_has");
  if (!fits) return type_error(call);
  if (!(*common == wanted)) {
    TRY_ASSIGN(call.map, widened_map(*call.map, *common));
  }
  key = as_type(key, *common);
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
