// GET /api/v1/datasets, /api/v1/datasets/{d}: schema, size and freshness;
// /api/v1/datasets/{d}/types: in which types columns are stored.
#include <algorithm>

#include "server/api/ingestion_service.h"
#include "server/api/services.h"
#include "server/json/json_writer.h"
#include "server/model/stored_types.h"

namespace freshet {
namespace {

constexpr size_t kMostDamagedNamed = 20;

void write_columns(JsonWriter& out, const DatasetModel& dataset) {
  out.key("columns").begin_array();
  for (const ColumnSpec& column : dataset.schema->columns) {
    out.begin_object();
    out.field("name", std::string_view(column.name));
    out.field("type", std::string_view(to_string(column.type)));
    if (column.high_cardinality) out.field("cardinality", "high");
    if (dataset.rollup && dataset.rollup->measure(column.name)) {
      out.field("measure", true);
    }
    out.end_object();
  }
  out.end_array();
}

void write_size(JsonWriter& out, const Timeline& timeline) {
  uint64_t rows = 0, bytes = 0, live_rows = 0, hidden = 0;
  for (const auto& segment : timeline.sealed) {
    rows += segment->num_visible_rows();
    hidden += segment->num_rows() - segment->num_visible_rows();
    bytes += segment->size_bytes();
  }
  for (const auto& live : timeline.live) {
    live_rows += live->snapshot()->num_visible_rows();
  }
  out.field("rows", rows + live_rows);
  out.field("live_rows", live_rows);
  out.field("hidden_rows", hidden);
  out.field("segments", static_cast<uint64_t>(timeline.sealed.size()));
  out.field("bytes", bytes);
  std::vector<std::string> damaged;
  for (const auto& missing : timeline.missing) {
    damaged.push_back(missing.error.message);
  }
  for (const auto& segment : timeline.sealed) {
    if (auto fault = segment->fault()) damaged.push_back(fault->message);
  }
  if (damaged.empty()) return;
  out.field("damaged_segments", static_cast<uint64_t>(damaged.size()));
  out.key("damaged").begin_array();
  for (size_t i = 0; i < std::min(damaged.size(), kMostDamagedNamed); ++i) {
    out.value(std::string_view(damaged[i]));
  }
  out.end_array();
}

void write_dataset(JsonWriter& out, const DatasetModel& dataset,
                   const Services& services) {
  out.begin_object();
  out.field("dataset", std::string_view(dataset.name));
  out.field("title", std::string_view(dataset.title));
  if (!dataset.description.empty()) {
    out.field("description", std::string_view(dataset.description));
  }
  constexpr const char* kSources[] = {"log", "kafka", "files"};
  out.field("source", kSources[dataset.source.index()]);
  out.field("format", std::string_view(dataset.format.name));
  write_columns(out, dataset);
  if (dataset.rollup) {
    const CubeSpec& rollup = *dataset.rollup;
    out.key("rollup").begin_object();
    out.field("granularity", std::string_view(rollup.granularity.to_string()));
    out.field("tz", std::string_view(rollup.zone));
    out.end_object();
  }
  if (auto data = services.runner.catalog().snapshot(dataset.name)) {
    write_size(out, *data->timeline);
    if (data->as_of > kMinTimestamp) {
      out.field("as_of", std::string_view(to_iso8601(data->as_of)));
    }
    out.field("lag_ms", data->lag_ms);
    out.field("complete", data->complete);
    out.field("late_or_rejected", data->late_or_rejected);
  }
  if (auto progress = services.ingestion.progress(dataset.name)) {
    out.field("state", state_name(progress->state));
    if (!progress->error.empty()) {
      out.field("error", std::string_view(progress->error));
    }
  }
  out.end_object();
}

Error no_dataset(const std::string& name) {
  return {ErrorCode::kNotFound, "there is no dataset '" + name + "'"};
}

HttpResponse show_types(const Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("d");
  auto data = services.runner.catalog().snapshot(name);
  if (!data) return error_response(no_dataset(name), request.request_id);
  JsonWriter out;
  out.begin_object().field("dataset", std::string_view(name));
  out.key("columns").begin_array();
  for (const auto& [column, types] : stored_types(*data->timeline)) {
    out.begin_object().field("name", std::string_view(column));
    out.key("types").begin_array();
    for (ColumnType type : types) out.value(std::string_view(to_string(type)));
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return json_response(out.take());
}

}  // namespace

void add_dataset_routes(Router& router, Services& services) {
  router.add("GET", "/api/v1/datasets", Access::kRead,
             [&services](const HttpRequest&) {
               JsonWriter out;
               auto model = services.model();
               out.begin_object().key("datasets").begin_array();
               for (const DatasetModel& dataset : model->datasets) {
                 write_dataset(out, dataset, services);
               }
               out.end_array().end_object();
               return json_response(out.take());
             });
  router.add("GET", "/api/v1/datasets/{d}", Access::kRead,
             [&services](const HttpRequest& request) {
               const std::string& name = request.params.at("d");
               auto model = services.model();
               const DatasetModel* dataset = model->dataset(name);
               if (!dataset) {
                 return error_response(no_dataset(name), request.request_id);
               }
               JsonWriter out;
               write_dataset(out, *dataset, services);
               return json_response(out.take());
             });
  router.add(
      "GET", "/api/v1/datasets/{d}/types", Access::kRead,
      [&services](const HttpRequest& r) { return show_types(services, r); });
}

}  // namespace freshet
