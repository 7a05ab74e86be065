// kpis/*.yaml
#include <algorithm>
#include <functional>
#include <set>

#include "server/model/formula_value.h"
#include "server/model/model_reader.h"
#include "server/query/cube_use.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

const std::vector<std::string> kUnits = {"currency", "percent", "count",
                                         "days",     "hours",   "minutes",
                                         "celsius",  "ratio"};
const std::vector<std::string> kTargetGrains = {
    "minute", "hour", "day", "week", "month", "quarter", "year"};

void read_unit(ConfigMap& map, KpiModel& kpi) {
  kpi.unit = map.choice("unit", "count", kUnits);
  kpi.currency = map.text("currency");
  bool is_code = kpi.currency.size() == 3 &&
                 std::all_of(kpi.currency.begin(), kpi.currency.end(),
                             [](char c) { return c >= 'A' && c <= 'Z'; });
  if (kpi.unit == "currency" && kpi.currency.empty()) {
    map.faults().add(map.line(), map.place() +
                                     " lacks the key 'currency', "
                                     "which the unit currency needs");
  } else if (!kpi.currency.empty() && !is_code) {
    map.wrong("currency", *map.find("currency"), "a code such as EUR");
  } else if (!kpi.currency.empty() && kpi.unit != "currency") {
    map.fault("currency", "'currency' in " + map.place() +
                              " needs the unit currency, not " + kpi.unit);
  }
}

// A plain number with all its digits; nothing for what is none, or above 18.
std::optional<Decimal> parse_exact(const std::string& text) {
  size_t point = text.find('.');
  size_t digits = point == std::string::npos ? 0 : text.size() - point - 1;
  bool plain = text.find_first_of("eE") == std::string::npos;
  if (!plain || digits > 18 || !parse_number(text)) return std::nullopt;
  auto units = parse_decimal(text, static_cast<int>(digits));
  if (!units) return std::nullopt;
  return Decimal{*units, static_cast<uint8_t>(digits)};
}

// "0.32", "1200000 per day"
void read_target(ConfigMap& map, KpiModel& kpi) {
  const ConfigNode* node = map.find("target");
  if (!node) return;
  if (node->kind == ConfigNode::Kind::kMap) {
    map.fault("target",
              "targets from a lookup aren't available in this "
              "version: 'target' in " +
                  map.place());
    return;
  }
  std::string number = node->text, grain;
  size_t per = number.find(" per ");
  if (per != std::string::npos) {
    grain = number.substr(per + 5);
    number.resize(per);
  }
  auto value = parse_exact(number);
  bool known_grain = per == std::string::npos ||
                     std::find(kTargetGrains.begin(), kTargetGrains.end(),
                               grain) != kTargetGrains.end();
  if (node->kind != ConfigNode::Kind::kScalar || !value || !known_grain) {
    map.wrong("target", *node,
              "a number, or a number per minute, hour, day, week, month, "
              "quarter or year");
    return;
  }
  kpi.target = KpiTarget{*value, grain};
}

// "sum of 'net'" for messages.
std::string function_name(Aggregate::Function function) {
  switch (function) {
    case Aggregate::Function::kCount:
      return "count";
    case Aggregate::Function::kSum:
      return "sum";
    case Aggregate::Function::kMin:
      return "min";
    case Aggregate::Function::kMax:
      return "max";
    case Aggregate::Function::kAvg:
      return "avg";
    case Aggregate::Function::kCountDistinct:
      return "count distinct";
    case Aggregate::Function::kFirst:
      return "first";
    case Aggregate::Function::kLast:
      return "last";
    case Aggregate::Function::kQuantile:
      return "the percentile";
    case Aggregate::Function::kLastPerKeySum:
      return "the last value";
    case Aggregate::Function::kApproxDistinct:
      return "approx_distinct";
    case Aggregate::Function::kApproxQuantile:
      return "approx_quantile";
  }
  return "";
}

bool counts(Aggregate::Function function) {
  return function == Aggregate::Function::kCount ||
         function == Aggregate::Function::kCountDistinct ||
         function == Aggregate::Function::kApproxDistinct;
}

class FormulaReader {
 public:
  FormulaReader(ConfigMap& map, const Schema& schema)
      : map_(map),
        schema_(schema),
        place_("'formula' of " + map.place()),
        line_(map.line_of("formula")) {}

  void check(Formula& formula) {
    for (Aggregate& aggregate : formula.aggregates) check(aggregate);
  }

 private:
  void check(Aggregate& aggregate) {
    if (!resolve_part(aggregate.argument) || !resolve_part(aggregate.filter)) {
      return;
    }
    for (ExpressionPtr& key : aggregate.keys) {
      if (!resolve_part(key)) return;
    }
    const ExpressionPtr& argument = aggregate.argument;
    if (argument && !counts(aggregate.function) &&
        !is_numeric(argument->type)) {
      map_.faults().add(
          line_, place_ + ": " + function_name(aggregate.function) + " of " +
                     to_text(*argument) + " needs a number, not " +
                     type_name(argument->type));
    }
    if (aggregate.filter && aggregate.filter->type.type != ValueType::kBool) {
      map_.faults().add(line_, place_ +
                                   ": filter (where ...) needs a "
                                   "condition, not " +
                                   type_name(aggregate.filter->type));
    }
  }

  bool resolve_part(ExpressionPtr& part) {
    if (!part) return true;
    if (!check_columns(*part, schema_, place_, line_, map_.faults())) {
      return false;
    }
    auto resolved = resolve(part, schema_);
    if (!resolved) {
      map_.faults().add(line_, place_ + ": " + resolved.error().message);
      return false;
    }
    part = *resolved;
    return true;
  }

  ConfigMap& map_;
  const Schema& schema_;
  std::string place_;
  int line_;
};

// The dataset's schema; null if it is not known, with a fault if that is wrong.
const Schema* find_schema(ConfigMap& map, KpiModel& kpi, ReadContext& context) {
  if (kpi.dataset.empty()) return nullptr;
  for (const DatasetModel& dataset : context.model.datasets) {
    if (dataset.name == kpi.dataset) return dataset.schema.get();
  }
  if (!context.datasets_unread) {
    std::vector<std::string> known;
    for (const DatasetModel& d : context.model.datasets) {
      known.push_back(d.name);
    }
    map.fault("dataset", "unknown dataset '" + kpi.dataset + "' in " +
                             map.place() + did_you_mean(kpi.dataset, known));
  }
  return nullptr;
}

void read_formula(ConfigMap& map, KpiModel& kpi, const Schema* schema) {
  kpi.formula_text = map.required_text("formula");
  if (kpi.formula_text.empty()) return;
  auto parsed = parse_formula(kpi.formula_text);
  if (!parsed) {
    map.fault("formula",
              "'formula' of " + map.place() + ": " + parsed.error().message);
    return;
  }
  kpi.formula = std::move(*parsed);
  auto checked = check_formula_value(*kpi.formula.value);
  if (!checked) {
    map.fault("formula",
              "'formula' of " + map.place() + ": " + checked.error().message);
  }
  if (kpi.formula.aggregates.empty() && kpi.formula.kpis.empty()) {
    map.fault("formula", "'formula' of " + map.place() +
                             " has no aggregate: write sum(x) or count(*), "
                             "not '" +
                             kpi.formula_text + "'");
  }
  if (schema) {
    FormulaReader(map, *schema).check(kpi.formula);
  } else if (!kpi.formula.aggregates.empty() && kpi.dataset.empty()) {
    map.faults().add(map.line(), map.place() + " lacks the key 'dataset'");
  }
}

void read_where(ConfigMap& map, KpiModel& kpi, const Schema* schema) {
  kpi.where_text = map.text("where");
  if (kpi.where_text.empty()) return;
  std::string place = "'where' of " + map.place();
  if (kpi.dataset.empty()) {
    map.fault("where", place + " needs the key 'dataset'");
  } else if (schema) {
    kpi.where = read_expression(kpi.where_text, *schema, place,
                                map.line_of("where"), map.faults());
    if (kpi.where && kpi.where->type.type != ValueType::kBool) {
      map.fault("where", place + " must be a condition, not a value of type " +
                             type_name(kpi.where->type));
    }
  }
}

void read_dimensions(ConfigMap& map, KpiModel& kpi, const Schema* schema) {
  for (const ConfigText& c : map.texts("dimensions")) {
    if (schema &&
        !check_column(c.text, *schema, "'dimensions' of " + map.place(), c.line,
                      map.faults())) {
      continue;
    }
    kpi.dimensions.push_back(c.text);
  }
}

// A KPI over rows that are rolled up must ask for what that keeps.
void check_kept(ConfigMap& map, const KpiModel& kpi, ReadContext& context) {
  for (const DatasetModel& dataset : context.model.datasets) {
    if (dataset.name != kpi.dataset || !dataset.rollup) continue;
    Query query;
    query.dataset = dataset.name;
    query.filter = kpi.where;
    query.aggregates = kpi.formula.aggregates;
    for (const std::string& name : kpi.dimensions) {
      query.groups.push_back({name, column(name)});
    }
    auto plan = QueryPlan::create(query, *dataset.schema);
    if (!plan) continue;  // told elsewhere
    Status kept = check_rollup(*plan, *dataset.rollup, *dataset.schema);
    if (kept) continue;
    map.fault("formula", map.place() + ": " + kept.error().message);
  }
}

void read_kpi(const ConfigNode& node, ReadContext& context,
              std::vector<KpiPlace>& places) {
  ConfigMap map(node, "a kpi", context.faults);
  KpiModel kpi;
  kpi.name = map.name("kpi");
  if (!kpi.name.empty()) map.rename("kpi '" + kpi.name + "'");
  kpi.title = map.text("title", kpi.name);
  kpi.description = map.text("description");
  kpi.owner = map.text("owner");
  kpi.dataset = map.text("dataset");
  const Schema* schema = find_schema(map, kpi, context);
  read_formula(map, kpi, schema);
  read_where(map, kpi, schema);
  read_unit(map, kpi);
  kpi.good = map.choice("good", "none", {"up", "down", "none"});
  read_target(map, kpi);
  read_dimensions(map, kpi, schema);
  kpi.tags = plain_texts(map.texts("tags"));
  check_kept(map, kpi, context);
  map.finish();
  if (kpi.name.empty()) return;
  if (context.names.define("kpi", kpi.name, map.line_of("kpi"),
                           context.faults)) {
    places.push_back({kpi.name, context.faults.file(), map.line_of("formula")});
    context.model.kpis.push_back(std::move(kpi));
  }
}

class KpiLinker {
 public:
  KpiLinker(Model& model, const std::vector<KpiPlace>& places, bool unread,
            std::vector<ModelFault>& faults)
      : model_(model), places_(places), unread_(unread), faults_(faults) {}

  void link() {
    for (const KpiModel& kpi : model_.kpis) check_references(kpi);
    for (const KpiModel& kpi : model_.kpis) {
      std::vector<std::string> path;
      find_cycle(kpi, path);
    }
  }

 private:
  const KpiModel* find(const std::string& name) const {
    for (const KpiModel& kpi : model_.kpis) {
      if (kpi.name == name) return &kpi;
    }
    return nullptr;
  }

  void add(const std::string& kpi, std::string message) {
    for (const KpiPlace& place : places_) {
      if (place.name == kpi) {
        faults_.push_back({place.file, place.line, std::move(message)});
        return;
      }
    }
  }

  void check_references(const KpiModel& kpi) {
    for (const std::string& name : kpi.formula.kpis) {
      const KpiModel* used = find(name);
      if (used) {
        check_dimensions(kpi, *used);
      } else if (!unread_) {
        std::vector<std::string> known;
        for (const KpiModel& k : model_.kpis) known.push_back(k.name);
        add(kpi.name, "unknown kpi '" + name + "' in 'formula' of kpi '" +
                          kpi.name + "'" + did_you_mean(name, known));
      }
    }
  }

  // What a KPI is split by, all it is made of must be split by.
  void check_dimensions(const KpiModel& kpi, const KpiModel& used) {
    for (const std::string& dimension : kpi.dimensions) {
      if (std::find(used.dimensions.begin(), used.dimensions.end(),
                    dimension) == used.dimensions.end()) {
        add(kpi.name, "dimension '" + dimension + "' of kpi '" + kpi.name +
                          "' isn't one of kpi '" + used.name +
                          "', which its formula uses" +
                          did_you_mean(dimension, used.dimensions));
      }
    }
  }

  void find_cycle(const KpiModel& kpi, std::vector<std::string>& path) {
    if (done_.contains(kpi.name)) return;
    auto seen = std::find(path.begin(), path.end(), kpi.name);
    if (seen != path.end()) {
      std::string shown;
      for (auto it = seen; it != path.end(); ++it) shown += *it + " -> ";
      add(kpi.name, "the kpis form a cycle: " + shown + kpi.name);
      for (auto it = seen; it != path.end(); ++it) done_.insert(*it);
      return;
    }
    path.push_back(kpi.name);
    for (const std::string& name : kpi.formula.kpis) {
      if (const KpiModel* used = find(name)) find_cycle(*used, path);
    }
    path.pop_back();
    done_.insert(kpi.name);
  }

  Model& model_;
  const std::vector<KpiPlace>& places_;
  bool unread_;
  std::vector<ModelFault>& faults_;
  std::set<std::string> done_;
};

}  // namespace

void read_kpis(const ConfigNode& root, ReadContext& context,
               std::vector<KpiPlace>& places) {
  ConfigMap map(root, "the file", context.faults);
  const ConfigNode* list = map.find("kpis");
  if (!list) {
    map.required_text("kpis");
  } else if (list->kind != ConfigNode::Kind::kList) {
    map.wrong("kpis", *list, "a list of kpis");
  } else {
    for (const ConfigNode& item : list->items) {
      read_kpi(item, context, places);
    }
  }
  map.finish();
}

void link_kpis(Model& model, const std::vector<KpiPlace>& places,
               bool kpis_unread, std::vector<ModelFault>& faults) {
  KpiLinker(model, places, kpis_unread, faults).link();
}

}  // namespace freshet
