// Drivers: the request from query parameters, the answer as JSON.
#include <absl/strings/numbers.h>

#include "server/json/json_value.h"
#include "server/kpi/answer_json.h"
#include "server/kpi/drivers.h"

namespace freshet {
namespace {

void write_effects(JsonWriter& out, const Driver& driver) {
  out.key("contribution");
  write_value(out, driver.contribution);
  if (driver.share) out.field("share", *driver.share);
  if (driver.rate) out.field("rate_effect", *driver.rate);
  if (driver.mix) out.field("mix_effect", *driver.mix);
}

void write_dimension(JsonWriter& out, const DimensionDrivers& d) {
  out.begin_object();
  out.field("dimension", std::string_view(d.dimension));
  out.field("score", d.score);
  out.field("adds_up", d.adds_up);
  out.field("values", d.values);
  out.key("drivers").begin_array();
  for (const Driver& driver : d.drivers) {
    out.begin_object();
    out.key(d.dimension);
    write_value(out, driver.key);
    out.key("value");
    write_value(out, driver.value);
    out.key("compare");
    write_value(out, driver.before);
    write_effects(out, driver);
    out.field("support", driver.support);
    out.end_object();
  }
  out.end_array();
  if (d.rest_count > 0) {
    out.key("rest").begin_object().field("count", d.rest_count);
    write_effects(out, d.rest);
    out.end_object();
  }
  out.end_object();
}

void write_compare(JsonWriter& out, const KpiDrivers& drivers,
                   const absl::TimeZone& zone) {
  out.key("compare").begin_object();
  out.field("kind", std::string_view(drivers.compare_kind));
  write_range(out, drivers.compare_range, zone);
  out.key("value");
  write_value(out, drivers.before);
  write_change(out, drivers.change,
               change_ratio(drivers.change, drivers.before));
  out.end_object();
}

}  // namespace

Result<DriversRequest> parse_drivers_request(
    std::vector<std::pair<std::string, std::string>> parameters) {
  DriversRequest out;
  std::vector<std::pair<std::string, std::string>> rest;
  for (auto& [key, value] : parameters) {
    if (key == "min_support") {
      bool number = absl::SimpleAtod(value, &out.min_support);
      if (!number || !(out.min_support >= 0 && out.min_support <= 1)) {
        return at_path(key, invalid("'min_support' is a share from 0 to 1, "
                                    "not '" +
                                    value + "'"));
      }
    } else if (key == "grain" || key == "order") {
      return at_path(key, invalid("'" + key + "' says nothing about drivers"));
    } else {
      rest.emplace_back(std::move(key), std::move(value));
    }
  }
  TRY_ASSIGN(out.kpi, parse_kpi_request(rest));
  if (out.kpi.compare.empty()) out.kpi.compare = "previous";
  if (out.kpi.top) out.top = *out.kpi.top;
  if (out.top > kMostDrivers) {
    return at_path("top",
                   invalid("'top' is at most " + std::to_string(kMostDrivers) +
                           ", not " + std::to_string(out.top)));
  }
  return out;
}

std::string to_json(const KpiDrivers& drivers) {
  auto loaded = load_time_zone(drivers.tz);
  absl::TimeZone zone = loaded ? *loaded : absl::UTCTimeZone();
  const KpiModel& kpi = *drivers.kpi;
  JsonWriter out;
  out.begin_object();
  out.field("kpi", std::string_view(kpi.name));
  out.key("value");
  write_value(out, drivers.value);
  write_text(out, "reason", drivers.reason);
  write_text(out, "unit", kpi.unit);
  write_text(out, "currency", kpi.currency);
  write_text(out, "good", kpi.good);
  write_range(out, drivers.range, zone);
  write_text(out, "tz", drivers.tz);
  write_compare(out, drivers, zone);
  write_text(out, "method", drivers.method);
  out.field("min_support", drivers.min_support);
  out.key("dimensions").begin_array();
  for (const DimensionDrivers& d : drivers.dimensions) write_dimension(out, d);
  out.end_array();
  write_provenance(out, drivers.provenance);
  out.end_object();
  return out.take();
}

}  // namespace freshet
