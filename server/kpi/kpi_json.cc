// Answers and KPI definitions as JSON.
#include "server/json/json_writer.h"
#include "server/kpi/kpi.h"
#include "server/kpi/kpi_sql.h"

namespace freshet {
namespace {

void write_text(JsonWriter& out, const char* key, const std::string& text) {
  if (!text.empty()) out.field(key, std::string_view(text));
}

void write_list(JsonWriter& out, const char* key,
                const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const std::string& text : texts) out.value(std::string_view(text));
  out.end_array();
}

// Times of buckets and ranges are whole seconds, mostly: without ".000".
std::string short_time(Timestamp t, const absl::TimeZone& zone) {
  std::string text = to_iso8601(t, zone);
  size_t point = text.find(".000");
  if (point != std::string::npos) text.erase(point, 4);
  return text;
}

void write_value(JsonWriter& out, const Value& value) {
  if (const Decimal* d = value.as_decimal()) {
    out.decimal(d->units, d->scale);
  } else if (const int64_t* n = value.as_long()) {
    out.value(*n);
  } else if (const double* x = value.as_double()) {
    out.value(*x);
  } else if (const bool* b = value.as_bool()) {
    out.value(*b);
  } else if (value.is_null()) {
    out.null();
  } else {
    out.value(std::string_view(value.to_text()));
  }
}

void write_range(JsonWriter& out, Interval range, const absl::TimeZone& zone) {
  out.key("range").begin_object();
  out.field("from", std::string_view(short_time(range.start, zone)));
  out.field("to", std::string_view(short_time(range.end, zone)));
  out.end_object();
}

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
  if (!compare.change.is_null()) {
    out.key("change");
    write_value(out, compare.change);
  }
  if (compare.change_ratio) out.field("change_ratio", *compare.change_ratio);
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
    out.end_object();
  }
  out.end_array();
  out.field("total_rows", answer.total_rows);
  if (!answer.rest) return;
  out.key("rest").begin_object().key("value");
  write_value(out, answer.rest->first);
  out.field("count", answer.rest->second).end_object();
}

// {"pos.sales":{"0":[0,918273]}} from "pos.sales/0" -> [0, 918273).
void write_offsets(JsonWriter& out, const OffsetRanges& offsets) {
  out.key("offsets").begin_object();
  std::string open;
  for (const auto& [partition, range] : offsets) {
    size_t slash = partition.rfind('/');
    std::string topic = partition.substr(0, slash);
    std::string number =
        slash == std::string::npos ? "0" : partition.substr(slash + 1);
    if (topic != open || topic.empty()) {
      if (!open.empty()) out.end_object();
      out.key(topic).begin_object();
      open = topic;
    }
    out.key(number).begin_array();
    out.value(range.first).value(range.second).end_array();
  }
  if (!open.empty()) out.end_object();
  out.end_object();
}

void write_provenance(JsonWriter& out, const Provenance& p) {
  out.key("provenance").begin_object();
  out.key("as_of");
  if (p.as_of == kMinTimestamp) {
    out.null();
  } else {
    out.value(std::string_view(to_iso8601(p.as_of)));
  }
  out.field("lag_ms", p.lag_ms);
  out.field("complete", p.complete);
  out.field("exact", p.exact);
  write_list(out, "served_by", p.served_by);
  out.field("segments", p.segments);
  out.field("rows_scanned", p.rows_scanned);
  write_offsets(out, p.offsets);
  out.field("late_or_rejected", p.late_or_rejected);
  // Thousandths are enough of a duration.
  out.field(
      "elapsed_ms",
      static_cast<double>(static_cast<int64_t>(p.elapsed_ms * 1000)) / 1000);
  out.end_object();
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

std::string to_json(const KpiModel& kpi) {
  JsonWriter out;
  out.begin_object();
  out.field("kpi", std::string_view(kpi.name));
  write_text(out, "title", kpi.title);
  write_text(out, "description", kpi.description);
  write_text(out, "owner", kpi.owner);
  write_text(out, "dataset", kpi.dataset);
  write_text(out, "formula", kpi.formula_text);
  write_text(out, "where", kpi.where_text);
  write_text(out, "unit", kpi.unit);
  write_text(out, "currency", kpi.currency);
  write_text(out, "good", kpi.good);
  if (kpi.target) {
    out.key("target").begin_object();
    out.key("value");
    write_value(out, Value(kpi.target->value));
    write_text(out, "per", kpi.target->per);
    out.end_object();
  }
  write_list(out, "dimensions", kpi.dimensions);
  write_list(out, "tags", kpi.tags);
  write_text(out, "sql", kpi_sql(kpi));
  out.end_object();
  return out.take();
}

}  // namespace freshet
