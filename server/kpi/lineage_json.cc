// Lineage as JSON. The events follow OpenLineage 2-0-2 and its facets Schema,
// ColumnLineage, DatasetOwnership, Documentation and SQL.
#include "server/json/json_writer.h"
#include "server/kpi/answer_json.h"
#include "server/kpi/kpi_sql.h"
#include "server/kpi/lineage.h"

namespace freshet {
namespace {

constexpr const char* kProducer = "https://freshet.dev/lineage";
constexpr const char* kEvent =
    "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/";
constexpr const char* kFacets = "https://openlineage.io/spec/facets/";

void write_names(JsonWriter& out, const char* key, const NameSet& names) {
  out.key(key).begin_array();
  for (const std::string& name : names) out.value(std::string_view(name));
  out.end_array();
}

// A place events come from: (namespace, name).
using Place = std::pair<std::string, std::string>;

std::vector<Place> places_of(const DatasetModel& dataset) {
  auto* kafka = std::get_if<KafkaSourceModel>(&dataset.source);
  if (auto* files = std::get_if<FilesSourceModel>(&dataset.source)) {
    return {{"file", files->path}};
  }
  if (!kafka) return {{"freshet", "ingest/" + dataset.name}};
  std::vector<Place> out;
  for (const std::string& topic : kafka->topics) {
    out.emplace_back("kafka://" + kafka->brokers, topic);
  }
  return out;
}

void write_source(JsonWriter& out, const DatasetModel& dataset) {
  auto* kafka = std::get_if<KafkaSourceModel>(&dataset.source);
  out.key("source").begin_object();
  auto* files = std::get_if<FilesSourceModel>(&dataset.source);
  out.field("kind", kafka ? "kafka" : files ? "files" : "log");
  if (files) out.field("path", std::string_view(files->path));
  if (kafka) {
    out.field("brokers", std::string_view(kafka->brokers));
    write_list(out, "topics", kafka->topics);
  }
  out.field("format", std::string_view(dataset.format.name)).end_object();
}

void write_columns(JsonWriter& out, const DatasetLineage& lineage) {
  out.key("columns").begin_array();
  for (const ColumnLineage& column : lineage.columns) {
    out.begin_object();
    out.field("name", std::string_view(column.column));
    out.field("type", std::string_view(column.type));
    write_names(out, "fields", column.fields);
    write_text(out, "derivation", column.derivation);
    write_names(out, "derived", column.derived);
    write_names(out, "cubes", column.cubes);
    write_names(out, "kpis", column.kpis);
    write_names(out, "dashboards", column.dashboards);
    write_names(out, "alerts", column.alerts);
    out.end_object();
  }
  out.end_array();
}

void write_cubes(JsonWriter& out, const DatasetModel& dataset) {
  out.key("cubes").begin_array();
  for (const CubeSpec& cube : dataset.cubes) {
    out.begin_object().field("name", std::string_view(cube.name));
    write_list(out, "dimensions", cube.dimensions);
    out.key("measures").begin_array();
    for (const CubeMeasure& measure : cube.measures) {
      out.value(std::string_view(measure.column));
    }
    out.end_array().end_object();
  }
  out.end_array();
}

void write_kpis(JsonWriter& out, const DatasetLineage& lineage) {
  out.key("kpis").begin_array();
  for (const KpiLineage& kpi : lineage.kpis) {
    out.begin_object().field("kpi", std::string_view(kpi.kpi));
    write_names(out, "columns", kpi.columns);
    write_names(out, "datasets", kpi.datasets);
    write_names(out, "uses", kpi.uses);
    write_names(out, "dashboards", kpi.dashboards);
    write_names(out, "alerts", kpi.alerts);
    out.end_object();
  }
  out.end_array();
}

void begin_event(JsonWriter& out, const char* kind, Timestamp now) {
  out.begin_object();
  out.field("eventTime", std::string_view(to_iso8601(now)));
  out.field("producer", kProducer);
  out.field("schemaURL", std::string_view(std::string(kEvent) + kind));
}

void begin_facet(JsonWriter& out, const char* name, const char* schema) {
  out.key(name).begin_object();
  out.field("_producer", kProducer);
  out.field("_schemaURL", std::string_view(std::string(kFacets) + schema));
}

void write_place(JsonWriter& out, const Place& place) {
  out.begin_object();
  out.field("namespace", std::string_view(place.first));
  out.field("name", std::string_view(place.second));
  out.end_object();
}

void write_input_field(JsonWriter& out, const Place& place,
                       const std::string& field, bool derived,
                       const std::string& description) {
  out.begin_object();
  out.field("namespace", std::string_view(place.first));
  out.field("name", std::string_view(place.second));
  out.field("field", std::string_view(field));
  out.key("transformations").begin_array().begin_object();
  out.field("type", "DIRECT");
  out.field("subtype", derived ? "TRANSFORMATION" : "IDENTITY");
  write_text(out, "description", description);
  out.end_object().end_array().end_object();
}

void write_schema_facet(JsonWriter& out, const DatasetLineage& lineage) {
  begin_facet(out, "schema", "1-1-1/SchemaDatasetFacet.json");
  out.key("fields").begin_array();
  for (const ColumnLineage& column : lineage.columns) {
    out.begin_object().field("name", std::string_view(column.column));
    out.field("type", std::string_view(column.type)).end_object();
  }
  out.end_array().end_object();
}

void write_column_facet(JsonWriter& out, const DatasetLineage& lineage) {
  begin_facet(out, "columnLineage", "1-2-0/ColumnLineageDatasetFacet.json");
  out.key("fields").begin_object();
  std::vector<Place> places = places_of(*lineage.dataset);
  for (const ColumnLineage& column : lineage.columns) {
    out.key(column.column).begin_object().key("inputFields").begin_array();
    for (const Place& place : places) {
      for (const std::string& field : column.fields) {
        write_input_field(out, place, field, !column.derivation.empty(),
                          column.derivation);
      }
    }
    out.end_array().end_object();
  }
  out.end_object().end_object();
}

void write_dataset_event(JsonWriter& out, const DatasetLineage& lineage,
                         Timestamp now) {
  const DatasetModel& dataset = *lineage.dataset;
  begin_event(out, "DatasetEvent", now);
  out.key("dataset").begin_object();
  out.field("namespace", "freshet");
  out.field("name", std::string_view(dataset.name));
  out.key("facets").begin_object();
  write_schema_facet(out, lineage);
  write_column_facet(out, lineage);
  if (!dataset.description.empty()) {
    begin_facet(out, "documentation", "1-0-1/DocumentationDatasetFacet.json");
    write_text(out, "description", dataset.description);
    out.end_object();
  }
  if (!dataset.owner.empty()) {
    begin_facet(out, "ownership", "1-0-1/OwnershipDatasetFacet.json");
    out.key("owners").begin_array().begin_object();
    write_text(out, "name", dataset.owner);
    out.end_object().end_array().end_object();
  }
  out.end_object().end_object().end_object();
}

void write_ingestion_event(JsonWriter& out, const DatasetModel& dataset,
                           Timestamp now) {
  begin_event(out, "JobEvent", now);
  out.key("job").begin_object().field("namespace", "freshet");
  std::string name = "ingest." + dataset.name;
  out.field("name", std::string_view(name)).end_object();
  out.key("inputs").begin_array();
  for (const Place& place : places_of(dataset)) write_place(out, place);
  out.end_array().key("outputs").begin_array();
  write_place(out, {"freshet", dataset.name});
  out.end_array().end_object();
}

void write_kpi_event(JsonWriter& out, const KpiLineage& kpi, const Model& model,
                     Timestamp now) {
  begin_event(out, "JobEvent", now);
  std::string name = "kpi." + kpi.kpi;
  out.key("job").begin_object().field("namespace", "freshet");
  out.field("name", std::string_view(name));
  if (auto sql = kpi_sql(model, *model.kpi(kpi.kpi))) {
    out.key("facets").begin_object();
    begin_facet(out, "sql", "1-0-1/SQLJobFacet.json");
    out.field("query", std::string_view(*sql)).end_object().end_object();
  }
  out.end_object();
  out.key("inputs").begin_array();
  for (const std::string& dataset : kpi.datasets) {
    write_place(out, {"freshet", dataset});
  }
  out.end_array().key("outputs").begin_array();
  write_place(out, {"freshet", name});
  out.end_array().end_object();
}

}  // namespace

std::string to_json(const DatasetLineage& lineage, const Model& model,
                    Timestamp now) {
  const DatasetModel& dataset = *lineage.dataset;
  NameSet dashboards, alerts;
  for (const KpiLineage& kpi : lineage.kpis) {
    dashboards.insert(kpi.dashboards.begin(), kpi.dashboards.end());
    alerts.insert(kpi.alerts.begin(), kpi.alerts.end());
  }
  JsonWriter out;
  out.begin_object();
  write_text(out, "dataset", dataset.name);
  write_text(out, "title", dataset.title);
  write_text(out, "owner", dataset.owner);
  write_source(out, dataset);
  write_columns(out, lineage);
  write_cubes(out, dataset);
  write_kpis(out, lineage);
  write_names(out, "dashboards", dashboards);
  write_names(out, "alerts", alerts);
  out.key("openlineage").begin_array();
  write_ingestion_event(out, dataset, now);
  write_dataset_event(out, lineage, now);
  for (const KpiLineage& kpi : lineage.kpis) {
    write_kpi_event(out, kpi, model, now);
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace freshet
