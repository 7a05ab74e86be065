#include "server/alert/alert_state.h"

#include <fmt/format.h>

#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/kpi/answer_json.h"
#include "server/query/exact_decimal.h"

namespace freshet {
namespace {

constexpr AlertState kStates[] = {AlertState::kOk, AlertState::kPending,
                                  AlertState::kFiring, AlertState::kNoData};

void enter(AlertInstance& instance, AlertState state, Timestamp t) {
  if (instance.state == state && instance.since) return;
  instance.state = state;
  instance.since = t;
}

void advance_unknown(const AlertModel& rule, AlertInstance& instance,
                     const Observation& seen) {
  if (!instance.unknown) instance.unknown = seen.now;
  if (seen.now.ms - instance.unknown->ms < rule.no_data_for_ms) return;
  if (rule.no_data == "alert") {
    instance.for_no_data |= instance.state != AlertState::kFiring;
    enter(instance, AlertState::kFiring, seen.t);
  } else if (rule.no_data == "ok") {
    instance.breached = instance.clear = std::nullopt;
    instance.for_no_data = false;
    enter(instance, AlertState::kOk, seen.t);
  } else if (instance.state == AlertState::kOk) {
    enter(instance, AlertState::kNoData, seen.t);
  }
}

// `breached`: whether `when` holds now.
void advance_firing(const AlertModel& rule, AlertInstance& instance,
                    bool breached, const Observation& seen) {
  bool recovered = rule.recover ? rule.recover->holds(seen.value) : !breached;
  // Fired for want of data: data are its recovery, unless they are bad.
  if (instance.for_no_data) recovered = !breached;
  if (!recovered) {
    instance.clear = std::nullopt;
    return;
  }
  if (!instance.clear) instance.clear = seen.t;
  if (seen.t.ms - instance.clear->ms < rule.keep_firing_for_ms) return;
  instance.breached = instance.clear = std::nullopt;
  instance.for_no_data = false;
  enter(instance, AlertState::kOk, seen.t);
}

void advance_quiet(const AlertModel& rule, AlertInstance& instance,
                   bool breached, const Observation& seen) {
  if (!breached) {
    instance.breached = std::nullopt;
    enter(instance, AlertState::kOk, seen.t);
    return;
  }
  if (!instance.breached) instance.breached = seen.t;
  bool long_enough = seen.t.ms - instance.breached->ms >= rule.for_ms;
  enter(instance, long_enough ? AlertState::kFiring : AlertState::kPending,
        seen.t);
}

void write_time(JsonWriter& out, const char* key,
                const std::optional<Timestamp>& t) {
  if (t) out.field(key, t->ms);
}

// A decimal is a text: as a number it would be read as a double.
void write_exact(JsonWriter& out, const Value& value) {
  if (value.is_null()) return;
  out.key("value");
  if (value.as_decimal()) {
    out.value(std::string_view(value.to_text()));
  } else {
    write_value(out, value);
  }
}

Value read_exact(const JsonValue& json) {
  const JsonValue* value = json.find("value");
  if (!value) return Value();
  if (const int64_t* number = value->as_int()) return Value(*number);
  if (const double* number = value->as_double()) return Value(*number);
  auto decimal =
      value->as_string() ? exact_decimal(*value->as_string()) : std::nullopt;
  return decimal ? Value(*decimal) : Value();
}

std::optional<Timestamp> read_time(const JsonValue& json, const char* key) {
  const JsonValue* member = json.find(key);
  if (!member || !member->as_int()) return std::nullopt;
  return Timestamp{*member->as_int()};
}

}  // namespace

const char* alert_state_name(AlertState state) {
  switch (state) {
    case AlertState::kOk:
      return "ok";
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
    case AlertState::kNoData:
      return "no_data";
  }
  return "";
}

AlertInstance advance(const AlertModel& rule, AlertInstance instance,
                      const Observation& seen) {
  if (seen.value.is_null()) {
    advance_unknown(rule, instance, seen);
    return instance;
  }
  instance.unknown = std::nullopt;
  instance.value = seen.value;
  bool breached = rule.when.holds(seen.value);
  if (instance.state == AlertState::kFiring) {
    advance_firing(rule, instance, breached, seen);
  } else {
    advance_quiet(rule, instance, breached, seen);
  }
  return instance;
}

bool same_state(const AlertInstance& a, const AlertInstance& b) {
  return a.state == b.state && a.since == b.since && a.breached == b.breached &&
         a.clear == b.clear && a.unknown == b.unknown &&
         a.for_no_data == b.for_no_data;
}

std::string instance_to_json(const AlertInstance& instance) {
  JsonWriter out;
  out.begin_object().key("labels").begin_object();
  for (const auto& [label, value] : instance.labels) {
    out.field(label, std::string_view(value));
  }
  out.end_object();
  out.field("state", alert_state_name(instance.state));
  write_exact(out, instance.value);
  write_time(out, "since", instance.since);
  write_time(out, "breached", instance.breached);
  write_time(out, "clear", instance.clear);
  write_time(out, "unknown", instance.unknown);
  out.field("for_no_data", instance.for_no_data);
  out.end_object();
  return out.take();
}

Result<AlertInstance> instance_from_json(std::string_view text) {
  TRY_ASSIGN(JsonValue json, parse_json(text));
  AlertInstance instance;
  const JsonValue* labels = json.find("labels");
  const JsonValue* name = json.find("state");
  if (!labels || !labels->as_object() || !name || !name->as_string()) {
    return Error{ErrorCode::kCorrupt,
                 "not the state of an alert: " + std::string(text)};
  }
  for (const auto& [label, value] : *labels->as_object()) {
    if (value.as_string()) instance.labels[label] = *value.as_string();
  }
  for (AlertState state : kStates) {
    if (*name->as_string() == alert_state_name(state)) instance.state = state;
  }
  instance.value = read_exact(json);
  instance.since = read_time(json, "since");
  instance.breached = read_time(json, "breached");
  instance.clear = read_time(json, "clear");
  instance.unknown = read_time(json, "unknown");
  const JsonValue* for_no_data = json.find("for_no_data");
  instance.for_no_data =
      for_no_data && for_no_data->as_bool() && *for_no_data->as_bool();
  return instance;
}

std::string fingerprint(const AlertLabels& labels) {
  uint64_t hash = 14695981039346656037u;
  auto add = [&hash](std::string_view text) {
    for (char c : text) {
      hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
    }
    hash = (hash ^ 255) * 1099511628211u;
  };
  for (const auto& [label, value] : labels) {
    add(label);
    add(value);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace freshet
