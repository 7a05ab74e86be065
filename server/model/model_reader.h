// The steps of load_model: one function a kind of file. Each adds what it reads
// to the model and what is wrong to the faults. Order: settings, lookups,
// datasets, kpis, link_kpis, dashboards, contacts and alerts.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/model/config_map.h"
#include "server/model/model.h"

namespace freshet {

// Where each named thing was first defined, to report a second one.
class DefinedNames {
 public:
  // False, with a fault, if `kind` already has `name`.
  bool define(const std::string& kind, const std::string& name, int line,
              FaultList& faults);

 private:
  std::map<std::pair<std::string, std::string>, std::string> places_;
};

struct ReadContext {
  Model& model;
  DefinedNames& names;
  FaultList& faults;
  // A file of that kind did not parse: unknown names may stand in it, and are
  // not reported.
  bool datasets_unread = false;
  bool kpis_unread = false;

  // What lookup() may name in an expression.
  const LookupSource* lookups() const { return model.lookup_shapes.get(); }
};

// A list under the key `key`, each read by `read`.
void read_settings(const ConfigNode& root, ReadContext& context);
void read_lookup(const ConfigNode& root, ReadContext& context);
// After the lookups of all files: what their names mean from here on.
std::shared_ptr<const LookupSource> lookup_shapes(
    const std::vector<LookupModel>& lookups);
void read_dataset(const ConfigNode& root, ReadContext& context);
// Parts of a dataset that a lookup has too.
void read_source(ConfigMap& map, DatasetModel& dataset);
void read_columns(ConfigMap& map, DatasetModel& dataset, Schema& schema,
                  const LookupSource* lookups);
void read_pii_key(ConfigMap& map, DatasetModel& dataset);
void read_filter(ConfigMap& map, DatasetModel& dataset, const Schema& schema,
                 const LookupSource* lookups);

// Where KPIs are defined, for faults found after all are read.
struct KpiPlace {
  std::string name;
  std::string file;
  int line = 0;
};
void read_kpis(const ConfigNode& root, ReadContext& context,
               std::vector<KpiPlace>& places);
// KPIs over KPIs: unknown ones, cycles, dimensions they do not share.
void link_kpis(Model& model, const std::vector<KpiPlace>& places,
               bool kpis_unread, std::vector<ModelFault>& faults);

void read_dashboard(const ConfigNode& root, ReadContext& context);
void read_contacts(const ConfigNode& root, ReadContext& context);
// After the contacts of all files.
void read_alerts(const ConfigNode& root, ReadContext& context);
// One rule; `name` empty: the key `alert` names it.
AlertModel read_alert(const ConfigNode& node, const Model& model,
                      const std::string& name, bool kpis_unread,
                      FaultList& faults);

// The expression in `text`, checked against `schema`: null with faults at
// `line` if it is wrong. `place` names it: "filter of dataset 'sales'".
ExpressionPtr read_expression(const std::string& text, const Schema& schema,
                              const std::string& place, int line,
                              FaultList& faults, const LookupSource* lookups);
// Reports the columns of `expression` that `schema` lacks; true if none.
bool check_columns(const Expression& expression, const Schema& schema,
                   const std::string& place, int line, FaultList& faults);
// The position of a column by exact name, or a fault with the nearest.
bool check_column(const std::string& name, const Schema& schema,
                  const std::string& place, int line, FaultList& faults);

std::vector<std::string> column_names(const Schema& schema);

}  // namespace freshet
