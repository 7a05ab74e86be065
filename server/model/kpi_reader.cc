// kpis/*.yaml
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "server/model/formula_parts.h"
#include "server/model/kpi_part_readers.h"
#include "server/model/model_reader.h"
#include "server/query/cube_use.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

const std::vector<std::string> kUnits = {"currency", "percent", "count",
                                         "days",     "hours",   "minutes",
                                         "celsius",  "ratio"};

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

void read_where(ConfigMap& map, KpiModel& kpi, const Schema* schema,
                const LookupSource* lookups) {
  kpi.where_text = map.text("where");
  if (kpi.where_text.empty()) return;
  std::string place = "'where' of " + map.place();
  if (kpi.dataset.empty()) {
    map.fault("where", place + " needs the key 'dataset'");
  } else if (schema) {
    kpi.where = read_expression(kpi.where_text, *schema, place,
                                map.line_of("where"), map.faults(), lookups);
    if (kpi.where && kpi.where->type.type != ValueType::kBool) {
      map.fault("where", place + " must be a condition, not a value of type " +
                             type_name(kpi.where->type));
    }
  }
}

// The KPIs of a formula count their own rows: a condition beside nothing else
// would hold for no part of the number.
void check_own_rows(ConfigMap& map, const KpiModel& kpi) {
  bool own = false;
  each_formula(kpi.formula, [&](const Formula& formula) {
    own = own || !formula.aggregates.empty();
  });
  if (kpi.where_text.empty() || own || used_kpis(kpi.formula).empty()) return;
  map.fault("where", "'where' of " + map.place() +
                         " does not hold for the kpis that its formula uses; "
                         "give it to those");
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
    each_formula(kpi.formula, [&](const Formula& formula) {
      Query query;
      query.dataset = dataset.name;
      query.filter = kpi.where;
      query.aggregates = formula.aggregates;
      for (const std::string& name : kpi.dimensions) {
        query.groups.push_back({name, column(name)});
      }
      auto plan = QueryPlan::create(query, *dataset.schema);
      if (!plan) return;  // told elsewhere
      Status kept = check_rollup(*plan, *dataset.rollup, *dataset.schema);
      if (kept) return;
      map.fault("formula", map.place() + ": " + kept.error().message);
    });
  }
}

// The column a range applies to, in place of the time of the event: returns by
// the day of the sale.
void read_time(ConfigMap& map, KpiModel& kpi, const Schema* schema) {
  kpi.time_column = map.text("time");
  if (kpi.time_column.empty() || !schema) return;
  std::string place = "'time' of " + map.place();
  int line = map.line_of("time");
  if (!check_column(kpi.time_column, *schema, place, line, map.faults())) {
    return;
  }
  for (const ColumnSpec& column : schema->columns) {
    if (column.name == kpi.time_column &&
        column.type.kind != ColumnKind::kTimestamp) {
      map.faults().add(line, place + " must be a timestamp column, not '" +
                                 kpi.time_column + "'");
    }
  }
  each_formula(kpi.formula, [&](const Formula& formula) {
    for (const Aggregate& aggregate : formula.aggregates) {
      if (aggregate.function != Aggregate::Function::kLastPerKeySum) continue;
      map.faults().add(line, place +
                                 " cannot be given with last(x by k), which "
                                 "goes by the time of the event");
    }
  });
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
  read_formula(map, kpi, schema, context.lookups());
  read_where(map, kpi, schema, context.lookups());
  check_own_rows(map, kpi);
  read_time(map, kpi, schema);
  read_unit(map, kpi);
  kpi.good = map.choice("good", "none", {"up", "down", "none"});
  read_dimensions(map, kpi, schema);
  read_target(map, kpi, context.lookups());
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
    if (cyclic_) return;
    for (const KpiModel& kpi : model_.kpis) {
      if (depth_of(kpi) > kMaxKpiDepth) {
        add(kpi.name, "'formula' of kpi '" + kpi.name + "' is more than " +
                          std::to_string(kMaxKpiDepth) +
                          " deep with the kpis and windows it is made of");
        continue;
      }
      if (terms_of(kpi) <= kMaxTerms) continue;
      add(kpi.name, "'formula' of kpi '" + kpi.name + "' has more than " +
                        std::to_string(kMaxTerms) +
                        " terms with those of the kpis it uses");
    }
  }

 private:
  // Of a formula with all it is made of, each time it is used: what an answer
  // computes for every bucket and row.
  static constexpr uint64_t kMaxTerms = 1000;

  static void count_uses(const Expression& e,
                         std::map<std::string, uint64_t>& uses) {
    if (e.kind == Expression::Kind::kColumn) ++uses[e.name];
    for (const auto& argument : e.arguments) count_uses(*argument, uses);
  }

  uint64_t terms_of(const KpiModel& kpi) {
    auto known = terms_.find(kpi.name);
    if (known != terms_.end()) return known->second;
    uint64_t terms = 0;
    each_formula(kpi.formula, [&](const Formula& formula) {
      if (!formula.value) return;
      std::map<std::string, uint64_t> uses;
      count_uses(*formula.value, uses);
      for (const auto& [name, times] : uses) {
        const KpiModel* used = name.starts_with('[')
                                   ? find(name.substr(1, name.size() - 2))
                                   : nullptr;
        terms += times * (used ? terms_of(*used) : 1);
      }
    });
    terms = std::min(terms, kMaxTerms + 1);
    terms_[kpi.name] = terms;
    return terms;
  }

  size_t depth_of(const KpiModel& kpi) {
    auto known = depths_.find(kpi.name);
    if (known != depths_.end()) return known->second;
    return depths_[kpi.name] = depth_of(kpi.formula);
  }

  size_t depth_of(const Formula& formula) {
    size_t depth = 0;
    for (const std::string& name : formula.kpis) {
      const KpiModel* used = find(name);
      if (used) depth = std::max(depth, 1 + depth_of(*used));
    }
    for (const FormulaWindow& window : formula.windows) {
      depth = std::max(depth, 1 + depth_of(window.inner));
    }
    return depth;
  }

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

  // The stores of same_stores() are values of the dimension `store`.
  void check_stores(const KpiModel& kpi) {
    each_window(kpi.formula, [&](const FormulaWindow& window) {
      if (window.kind != FormulaWindow::Kind::kSameStores) return;
      for (const std::string& name : used_kpis(window.inner)) {
        const KpiModel* used = find(name);
        if (!used || std::find(used->dimensions.begin(), used->dimensions.end(),
                               kStoreDimension) != used->dimensions.end()) {
          continue;
        }
        add(kpi.name, "same_stores() in 'formula' of kpi '" + kpi.name +
                          "' needs the dimension 'store' of kpi '" + name +
                          "'");
      }
    });
  }

  void check_references(const KpiModel& kpi) {
    check_stores(kpi);
    for (const std::string& name : used_kpis(kpi.formula)) {
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
      cyclic_ = true;
      for (auto it = seen; it != path.end(); ++it) done_.insert(*it);
      return;
    }
    path.push_back(kpi.name);
    for (const std::string& name : used_kpis(kpi.formula)) {
      if (const KpiModel* used = find(name)) find_cycle(*used, path);
    }
    path.pop_back();
    done_.insert(kpi.name);
  }

  Model& model_;
  const std::vector<KpiPlace>& places_;
  bool unread_;
  bool cyclic_ = false;
  std::map<std::string, uint64_t> terms_;  // by kpi
  std::map<std::string, size_t> depths_;   // by kpi
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
