// Answers and KPI definitions as JSON.
#include <fmt/format.h>

#include "server/json/json_writer.h"
#include "server/kpi/answer_json.h"
#include "server/kpi/kpi.h"
#include "server/kpi/kpi_sql.h"

namespace freshet {
namespace {

void write_points(JsonWriter& out, const char* key,
                  const std::vector<KpiAnswer::Point>& points,
                  const absl::TimeZone& zone) {
  out.key(key).begin_array();
  for (const KpiAnswer::Point& point : points) {
    out.begin_object();
    out.field("t", std::string_view(short_time(point.t, zone)));
    out.key("value");
    write_value(out, point.value);
    out.field("partial", point.partial);
    if (point.restated) out.field("restated", true);
    out.end_object();
  }
  out.end_array();
}

void write_compare(JsonWriter& out, const KpiAnswer::Compare& compare,
                   const absl::TimeZone& zone) {
  out.key("compare").begin_object();
  out.field("kind", std::string_view(compare.kind));
  write_range(out, compare.range, zone);
  out.key("value");
  write_value(out, compare.value);
  write_change(out, compare.change, compare.change_ratio);
  if (!compare.series.empty()) {
    write_points(out, "series", compare.series, zone);
  }
  if (!compare.ahead.empty()) write_points(out, "ahead", compare.ahead, zone);
  out.end_object();
}

void write_target(JsonWriter& out, const KpiAnswer::Target& target) {
  out.key("target").begin_object().key("value");
  write_value(out, target.value);
  if (target.attained) out.field("attained", *target.attained);
  if (target.pace) {
    out.key("expected_by_now");
    write_value(out, target.pace->expected);
    out.field("on_pace", target.pace->on_pace);
    out.field("expected_from",
              target.pace->weeks > 0 ? "past_weeks" : "elapsed_time");
    if (target.pace->weeks > 0) out.field("weeks", target.pace->weeks);
  }
  out.end_object();
}

// As the model has it.
void write_given_target(JsonWriter& out, const KpiTarget& target) {
  out.key("target").begin_object();
  if (target.whole) {
    out.key("value");
    write_value(out, Value(*target.whole));
  }
  write_text(out, "per", target.per);
  write_text(out, "dimension", target.dimension);
  write_text(out, "lookup", target.lookup);
  if (!target.values.empty()) {
    out.key("values").begin_object();
    for (const auto& [value, number] : target.values) {
      out.key(value);
      write_value(out, Value(number));
    }
    out.end_object();
  }
  out.end_object();
}

// Changes when the definition does: a hash (FNV-1a) of its text.
std::string version_of(std::string_view definition) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char c : definition) hash = (hash ^ c) * 0x100000001b3u;
  return fmt::format("{:016x}", hash);
}

// [{"cube":"sales.auto_1","bytes":...}] and what no cube serves.
void write_cubes(JsonWriter& out, const KpiModel& kpi, const CubeCosts& costs) {
  out.key("cubes").begin_array();
  for (const std::string& name : kpi.cubes) {
    out.begin_object().field("cube", std::string_view(name));
    auto found = costs.find(name);
    if (found != costs.end()) {
      const CubeCost& cost = found->second;
      out.field("bytes", cost.bytes).field("rows", cost.rows);
      out.field("segments", cost.segments);
      out.field("segment_bytes", cost.data_bytes);
    }
    out.end_object();
  }
  out.end_array();
  if (!kpi.reads_rows.empty()) write_list(out, "reads_rows", kpi.reads_rows);
}

void write_rows(JsonWriter& out, const KpiAnswer& answer) {
  out.key("rows").begin_array();
  for (const KpiAnswer::Row& row : answer.rows) {
    out.begin_object();
    for (size_t i = 0; i < answer.by.size(); ++i) {
      out.key(answer.by[i]);
      write_value(out, row.by[i]);
    }
    out.key("value");
    write_value(out, row.value);
    if (row.compare) {
      out.key("compare");
      write_value(out, *row.compare);
    }
    if (row.target) write_target(out, *row.target);
    out.end_object();
  }
  out.end_array();
  out.field("total_rows", answer.total_rows);
  if (!answer.rest) return;
  out.key("rest").begin_object().key("value");
  write_value(out, answer.rest->first);
  out.field("count", answer.rest->second).end_object();
}

}  // namespace

std::string to_json(const KpiAnswer& answer) {
  auto loaded = load_time_zone(answer.tz);
  absl::TimeZone zone = loaded ? *loaded : absl::UTCTimeZone();
  const KpiModel& kpi = *answer.kpi;
  JsonWriter out;
  out.begin_object();
  out.field("kpi", std::string_view(kpi.name));
  out.key("value");
  write_value(out, answer.value);
  write_text(out, "reason", answer.reason);
  if (answer.newest) {
    out.field("newest", std::string_view(to_iso8601(*answer.newest)));
  }
  write_text(out, "unit", kpi.unit);
  write_text(out, "currency", kpi.currency);
  write_range(out, answer.range, zone);
  if (answer.begins) {
    out.field("begins", std::string_view(to_iso8601(*answer.begins)));
  }
  write_text(out, "tz", answer.tz);
  if (answer.compare) write_compare(out, *answer.compare, zone);
  if (answer.target) write_target(out, *answer.target);
  write_text(out, "target_omitted", answer.target_omitted);
  if (!answer.grain.empty()) {
    out.field("grain", std::string_view(answer.grain));
    write_points(out, "series", answer.series, zone);
  }
  if (!answer.by.empty()) write_rows(out, answer);
  write_provenance(out, answer.provenance);
  out.end_object();
  return out.take();
}

std::string to_json(const KpiModel& kpi, const Model& model,
                    const CubeCosts& costs) {
  JsonWriter out;
  out.begin_object();
  out.field("kpi", std::string_view(kpi.name));
  write_text(out, "title", kpi.title);
  write_text(out, "description", kpi.description);
  write_text(out, "owner", kpi.owner);
  write_text(out, "dataset", kpi.dataset);
  write_text(out, "formula", kpi.formula_text);
  write_text(out, "where", kpi.where_text);
  write_text(out, "time", kpi.time_column);
  write_text(out, "unit", kpi.unit);
  write_text(out, "currency", kpi.currency);
  write_text(out, "good", kpi.good);
  if (kpi.target) write_given_target(out, *kpi.target);
  write_list(out, "dimensions", kpi.dimensions);
  write_list(out, "tags", kpi.tags);
  std::string version = version_of(out.text());
  out.field("version", std::string_view(version));
  write_cubes(out, kpi, costs);
  auto sql = kpi_sql(model, kpi);
  if (sql) {
    write_text(out, "sql", *sql);
  } else {
    write_text(out, "sql_omitted", sql.error().message);
  }
  out.end_object();
  return out.take();
}

}  // namespace freshet
