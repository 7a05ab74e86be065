// From a field of a source through columns, cubes and KPIs to what shows them:
// dashboards and alerts. And so what a change of a column would break.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/model/model.h"

namespace freshet {

// (alert, KPI) of every rule, those set by PUT too.
using AlertUses = std::vector<std::pair<std::string, std::string>>;
AlertUses alert_uses(const Model& model);

using NameSet = std::set<std::string>;

struct KpiLineage {
  std::string kpi;
  NameSet columns;   // of this dataset; what it is computed from, or split by
  NameSet datasets;  // all it is computed from
  NameSet uses;      // other KPIs, at any depth
  NameSet dashboards, alerts;
};

struct ColumnLineage {
  std::string column, type;
  // Of the source: dotted paths, through derived columns.
  NameSet fields;
  std::string derivation;  // the expression of a derived column
  NameSet derived;         // columns made from it, at any depth
  // All that needs it.
  NameSet cubes, kpis, dashboards, alerts;
};

struct DatasetLineage {
  const DatasetModel* dataset = nullptr;  // of the model
  std::vector<ColumnLineage> columns;     // __time first, then in file order
  std::vector<KpiLineage> kpis;           // that need this dataset
};

DatasetLineage lineage_of(const Model& model, const DatasetModel& dataset,
                          const AlertUses& alerts);

// The object of GET /api/v1/lineage/{d}, with OpenLineage events of the dataset
// and of the jobs that make it and its KPIs, as of `now`.
std::string to_json(const DatasetLineage& lineage, const Model& model,
                    Timestamp now);

class JsonValue;
// What `model` lacks of the served model, whose lineage is `served` (the body
// of GET /api/v1/lineage), and what that breaks: "sales: dropping sku breaks 2
// KPIs: units, net_sales; 1 dashboard: trading". kInvalid for another body.
Result<std::vector<std::string>> impact_of(const Model& model,
                                           const JsonValue& served);

}  // namespace freshet
