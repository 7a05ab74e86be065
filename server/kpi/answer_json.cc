#include "server/kpi/answer_json.h"

namespace freshet {
namespace {

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

}  // namespace

void write_text(JsonWriter& out, const char* key, const std::string& text) {
  if (!text.empty()) out.field(key, std::string_view(text));
}

void write_list(JsonWriter& out, const char* key,
                const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const std::string& text : texts) out.value(std::string_view(text));
  out.end_array();
}

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

void write_change(JsonWriter& out, const Value& change,
                  const std::optional<double>& ratio) {
  out.key("change");
  write_value(out, change);
  out.key("change_ratio");
  if (ratio) {
    out.value(*ratio);
  } else {
    out.null();
  }
}

void write_range(JsonWriter& out, Interval range, const absl::TimeZone& zone) {
  out.key("range").begin_object();
  out.field("from", std::string_view(short_time(range.start, zone)));
  out.field("to", std::string_view(short_time(range.end, zone)));
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
  if (!p.why_not.empty()) write_list(out, "why_not", p.why_not);
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

}  // namespace freshet
