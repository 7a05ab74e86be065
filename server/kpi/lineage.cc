#include "server/kpi/lineage.h"

#include <algorithm>

#include "server/model/dimension_filter.h"
#include "server/model/formula_parts.h"

namespace freshet {
namespace {

void add_columns(const ExpressionPtr& e, NameSet& out) {
  if (!e) return;
  std::vector<std::string> names;
  collect_columns(*e, names);
  out.insert(names.begin(), names.end());
}

// What the KPI itself reads of its dataset.
NameSet own_columns(const KpiModel& kpi) {
  NameSet out(kpi.dimensions.begin(), kpi.dimensions.end());
  each_formula(kpi.formula, [&](const Formula& formula) {
    for (const Aggregate& aggregate : formula.aggregates) {
      add_columns(aggregate.argument, out);
      add_columns(aggregate.filter, out);
      for (const ExpressionPtr& key : aggregate.keys) add_columns(key, out);
    }
    for (const FormulaWindow& window : formula.windows) {
      if (window.kind == FormulaWindow::Kind::kSameStores) {
        out.insert(std::string(kStoreDimension));
      }
    }
  });
  add_columns(kpi.where, out);
  if (!kpi.time_column.empty()) out.insert(kpi.time_column);
  return out;
}

// The KPI and those it is made of. A loaded model has no cycle.
void collect_kpis(const Model& model, const KpiModel& kpi,
                  std::map<std::string, const KpiModel*>& out) {
  if (!out.emplace(kpi.name, &kpi).second) return;
  for (const std::string& name : used_kpis(kpi.formula)) {
    if (const KpiModel* used = model.kpi(name)) {
      collect_kpis(model, *used, out);
    }
  }
}

KpiLineage kpi_lineage(const Model& model, const KpiModel& kpi,
                       const DatasetModel& dataset, const AlertUses& alerts) {
  KpiLineage out;
  out.kpi = kpi.name;
  std::map<std::string, const KpiModel*> all;
  collect_kpis(model, kpi, all);
  for (const auto& [name, one] : all) {
    if (one != &kpi) out.uses.insert(name);
    if (one->dataset.empty()) continue;
    out.datasets.insert(one->dataset);
    if (one->dataset != dataset.name) continue;
    out.columns.merge(own_columns(*one));
  }
  for (const DashboardModel& dashboard : model.dashboards) {
    for (const TileModel& tile : dashboard.tiles) {
      bool step = std::find(tile.steps.begin(), tile.steps.end(), kpi.name) !=
                  tile.steps.end();
      if (step || tile.kpi == kpi.name) out.dashboards.insert(dashboard.name);
    }
  }
  for (const auto& [alert, of] : alerts) {
    if (of == kpi.name) out.alerts.insert(alert);
  }
  return out;
}

class ColumnTracer {
 public:
  ColumnTracer(const DatasetModel& dataset, std::vector<ColumnLineage>& columns)
      : dataset_(dataset), columns_(columns) {}

  // Derived columns stand behind those they are made of.
  void trace() {
    for (const ColumnModel& column : dataset_.columns) {
      ColumnLineage& line = *find(column.name);
      if (!column.derived) {
        line.fields.insert(column.path.empty() ? column.name : column.path);
        continue;
      }
      line.derivation = to_text(*column.derived);
      NameSet inputs;
      add_columns(column.derived, inputs);
      for (const std::string& name : inputs) {
        ColumnLineage* input = find(name);
        if (!input) continue;
        line.fields.insert(input->fields.begin(), input->fields.end());
        made_from(name, column.name);
      }
    }
  }

 private:
  ColumnLineage* find(const std::string& name) {
    auto at = std::find_if(columns_.begin(), columns_.end(),
                           [&](const auto& c) { return c.column == name; });
    return at == columns_.end() ? nullptr : &*at;
  }

  void made_from(const std::string& input, const std::string& derived) {
    for (ColumnLineage& line : columns_) {
      if (line.column == input || line.derived.contains(input)) {
        line.derived.insert(derived);
      }
    }
  }

  const DatasetModel& dataset_;
  std::vector<ColumnLineage>& columns_;
};

bool reads(const CubeSpec& cube, const NameSet& names) {
  auto in = [&](const std::string& name) { return names.contains(name); };
  return std::any_of(cube.dimensions.begin(), cube.dimensions.end(), in) ||
         std::any_of(cube.measures.begin(), cube.measures.end(),
                     [&](const CubeMeasure& m) { return in(m.column); });
}

void add_uses(const DatasetLineage& lineage, ColumnLineage& line) {
  NameSet names = line.derived;
  names.insert(line.column);
  for (const CubeSpec& cube : lineage.dataset->cubes) {
    if (reads(cube, names)) line.cubes.insert(cube.name);
  }
  for (const KpiLineage& kpi : lineage.kpis) {
    bool needs = std::any_of(
        kpi.columns.begin(), kpi.columns.end(),
        [&](const std::string& name) { return names.contains(name); });
    if (!needs) continue;
    line.kpis.insert(kpi.kpi);
    line.dashboards.insert(kpi.dashboards.begin(), kpi.dashboards.end());
    line.alerts.insert(kpi.alerts.begin(), kpi.alerts.end());
  }
}

}  // namespace

AlertUses alert_uses(const Model& model) {
  AlertUses out;
  for (const AlertModel& alert : model.alerts) {
    out.emplace_back(alert.name, alert.kpi);
  }
  return out;
}

DatasetLineage lineage_of(const Model& model, const DatasetModel& dataset,
                          const AlertUses& alerts) {
  DatasetLineage out;
  out.dataset = &dataset;
  for (const KpiModel& kpi : model.kpis) {
    KpiLineage line = kpi_lineage(model, kpi, dataset, alerts);
    if (line.datasets.contains(dataset.name)) out.kpis.push_back(line);
  }
  for (const ColumnSpec& column : dataset.schema->columns) {
    ColumnLineage line;
    line.column = column.name;
    line.type = to_string(column.type);
    if (column.name == kTimeColumn) line.fields.insert(dataset.time_field);
    out.columns.push_back(std::move(line));
  }
  ColumnTracer(dataset, out.columns).trace();
  for (ColumnLineage& line : out.columns) add_uses(out, line);
  return out;
}

}  // namespace freshet
