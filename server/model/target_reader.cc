// `target` of a KPI: a number, a number per grain, or one for each value of a
// dimension, written here or in a lookup.
#include <algorithm>

#include "server/model/kpi_part_readers.h"
#include "server/query/exact_decimal.h"
#include "server/query/expression_type.h"
#include "server/query/lookup_source.h"
#include "server/query/value.h"

namespace freshet {
namespace {

const std::vector<std::string> kTargetGrains = {
    "minute", "hour", "day", "week", "month", "quarter", "year"};

// With room to be scaled to a long range: nothing above 18 digits.
std::optional<Decimal> target_number(const std::string& text) {
  auto number = exact_decimal(text);
  constexpr int kMaxScale = 18;
  if (!number || number->scale > kMaxScale) return std::nullopt;
  if (number->units > INT64_MAX || number->units < INT64_MIN) {
    return std::nullopt;
  }
  return number;
}

bool is_exact_number(ExpressionType type) {
  return type.type == ValueType::kLong || type.type == ValueType::kDecimal;
}

std::optional<Decimal> exact_of(const ConfigNode& node) {
  if (node.kind != ConfigNode::Kind::kScalar) return std::nullopt;
  return target_number(node.text);
}

// lookup: stores.daily_target, a column of numbers by the dimension's values.
void read_target_lookup(ConfigMap& map, KpiTarget& target,
                        const LookupSource* lookups) {
  target.lookup = map.text("lookup");
  if (map.has("values")) {
    map.fault("lookup",
              "'values' in " + map.place() + " has no meaning beside 'lookup'");
  }
  auto column = find_lookup(lookups, target.lookup);
  if (!column) {
    map.fault("lookup",
              "'lookup' of " + map.place() + ": " + column.error().message);
  } else if (!is_exact_number((*column)->type)) {
    map.fault("lookup", "'lookup' of " + map.place() +
                            " must be a column of longs or decimals, not of " +
                            type_name((*column)->type) + ": " + target.lookup);
  }
}

// { dimension: store, per: day, values: { S001: 12000, S002: 9000 } }
void read_by_dimension(ConfigMap& outer, const ConfigNode& node, KpiModel& kpi,
                       const LookupSource* lookups) {
  ConfigMap map(node, "'target' of " + outer.place(), outer.faults());
  KpiTarget target;
  target.dimension = map.required_text("dimension");
  const std::vector<std::string>& known = kpi.dimensions;
  if (!target.dimension.empty() &&
      std::find(known.begin(), known.end(), target.dimension) == known.end()) {
    map.fault("dimension", "'" + target.dimension + "' in " + map.place() +
                               " isn't one of its dimensions" +
                               did_you_mean(target.dimension, known));
  }
  if (map.has("per")) target.per = map.choice("per", "", kTargetGrains);
  if (const ConfigNode* all = map.find("all")) {
    target.whole = exact_of(*all);
    if (!target.whole) map.wrong("all", *all, "a number");
  }
  if (map.has("lookup")) {
    read_target_lookup(map, target, lookups);
  } else if (!map.has("values")) {
    map.required_text("values");
  }
  for (const auto& [value, number] : map.pairs("values")) {
    if (auto exact = exact_of(number)) {
      target.values[value] = *exact;
    } else {
      map.wrong("values", number, "numbers, one for each value");
    }
  }
  map.finish();
  kpi.target = std::move(target);
}

}  // namespace

// "0.32", "1200000 per day"
void read_target(ConfigMap& map, KpiModel& kpi, const LookupSource* lookups) {
  const ConfigNode* node = map.find("target");
  if (!node) return;
  if (node->kind == ConfigNode::Kind::kMap) {
    read_by_dimension(map, *node, kpi, lookups);
    return;
  }
  std::string number = node->text, grain;
  size_t per = number.find(" per ");
  if (per != std::string::npos) {
    grain = number.substr(per + 5);
    number.resize(per);
  }
  auto value = target_number(number);
  bool known_grain = per == std::string::npos ||
                     std::find(kTargetGrains.begin(), kTargetGrains.end(),
                               grain) != kTargetGrains.end();
  if (node->kind != ConfigNode::Kind::kScalar || !value || !known_grain) {
    map.wrong("target", *node,
              "a number, or a number per minute, hour, day, week, month, "
              "quarter or year");
    return;
  }
  kpi.target = KpiTarget{};
  kpi.target->whole = *value;
  kpi.target->per = grain;
}

}  // namespace freshet
