// alerts/*.yaml: rules and contacts; and rules as JSON.
#include <algorithm>

#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/model/dimension_filter.h"
#include "server/model/formula_value.h"
#include "server/model/model_reader.h"

namespace freshet {
namespace {

const KpiModel* alert_kpi(ConfigMap& map, const std::string& name,
                          const Model& model, bool kpis_unread) {
  for (const KpiModel& kpi : model.kpis) {
    if (kpi.name == name) return &kpi;
  }
  if (!kpis_unread && !name.empty()) {
    std::vector<std::string> known;
    for (const KpiModel& kpi : model.kpis) known.push_back(kpi.name);
    map.fault("kpi", "unknown kpi '" + name + "' in " + map.place() +
                         did_you_mean(name, known));
  }
  return nullptr;
}

std::optional<Threshold> read_threshold(ConfigMap& map, const char* key) {
  if (!map.has(key)) return std::nullopt;
  std::string text = map.text(key);
  auto parsed = parse_threshold(text);
  if (!parsed) {
    map.fault(key, std::string("'") + key + "' in " + map.place() + ": " +
                       parsed.error().message);
    return std::nullopt;
  }
  return *parsed;
}

Value half(const Value& v) {
  const Decimal* d = v.as_decimal();
  __int128 units = 0;
  if (!d ||
      __builtin_mul_overflow(d->units, static_cast<__int128>(5), &units)) {
    return Value(v.to_double() / 2);
  }
  return Value(Decimal{units, static_cast<uint8_t>(d->scale + 1)});
}

// A value that both fires and recovers would make the alert flap. If there is
// one, it is a bound, between the two, or beyond both.
void check_recovery(ConfigMap& map, const AlertModel& alert) {
  if (!alert.recover || alert.when.op.empty()) return;
  Value a(alert.when.value), b(alert.recover->value), one(int64_t{1});
  if (Value::compare(b, a) < 0) std::swap(a, b);
  for (const Value& v : {a, b, half(add_numbers(a, b)),
                         subtract_numbers(a, one), add_numbers(b, one)}) {
    if (!alert.when.holds(v) || !alert.recover->holds(v)) continue;
    map.fault("recover", "'recover' in " + map.place() + " (" +
                             alert.recover->to_string() +
                             ") holds where 'when' (" + alert.when.to_string() +
                             ") does: at " + v.to_text());
    return;
  }
}

void read_timing(ConfigMap& map, AlertModel& alert) {
  alert.window_ms = map.duration_ms("window", alert.window_ms, 1000);
  alert.every_ms = map.duration_ms("every", alert.every_ms, 1000);
  alert.for_ms = map.duration_ms("for", 0);
  alert.keep_firing_for_ms = map.duration_ms("keep_firing_for", 0);
  alert.no_data = map.choice("no_data", "keep", {"ok", "alert", "keep"});
  alert.no_data_for_ms = map.duration_ms("no_data_for", 0);
  alert.min_rows =
      static_cast<uint64_t>(map.integer("min_rows", 0, 0, int64_t{1} << 50));
}

void read_notify(ConfigMap& map, AlertModel& alert, const Model& model) {
  for (const ConfigText& contact : map.texts("notify")) {
    std::vector<std::string> known;
    for (const ContactModel& c : model.contacts) known.push_back(c.name);
    if (std::find(known.begin(), known.end(), contact.text) == known.end()) {
      map.faults().add(contact.line,
                       "unknown contact '" + contact.text + "' in " +
                           map.place() + did_you_mean(contact.text, known),
                       "notify");
    }
    alert.notify.push_back(contact.text);
  }
}

void read_scope(ConfigMap& map, AlertModel& alert, const KpiModel* kpi) {
  for (const ConfigText& by : map.texts("by")) {
    alert.by.push_back(by.text);
    if (kpi && std::find(kpi->dimensions.begin(), kpi->dimensions.end(),
                         by.text) == kpi->dimensions.end()) {
      map.faults().add(by.line,
                       "'" + by.text + "' in " + map.place() +
                           " isn't a dimension of kpi '" + kpi->name + "'" +
                           did_you_mean(by.text, kpi->dimensions),
                       "by");
    }
  }
  alert.filter = map.text("filter");
  if (!kpi || alert.filter.empty()) return;
  auto filter = parse_dimension_filter(alert.filter, kpi->dimensions,
                                       "kpi '" + kpi->name + "'");
  if (!filter) {
    map.fault("filter",
              "'filter' in " + map.place() + ": " + filter.error().message);
  }
}

void read_contact_address(ConfigMap& map, const ConfigNode& node,
                          const std::string& kind, ContactModel& contact) {
  contact.kind = kind;
  ConfigMap address(node, kind + " of " + map.place(), map.faults());
  contact.url = address.required_secret_text("url");
  if (!contact.url.empty() && !contact.url.starts_with("https://") &&
      !contact.url.starts_with("http://")) {
    // The address may hold a secret, so it is not shown.
    address.fault("url", "'url' in " + address.place() +
                             " must begin with http:// or https://");
  }
  for (auto& [name, value] : address.pairs("headers")) {
    ConfigNode one;
    one.kind = ConfigNode::Kind::kMap;
    one.line = value.line;
    one.entries.push_back({name, value.line, value});
    ConfigMap single(one, "headers of " + address.place(), map.faults());
    contact.headers[name] = single.secret_text(name);
  }
  address.finish();
}

void read_contact(const ConfigNode& node, ReadContext& context) {
  ConfigMap map(node, "a contact", context.faults);
  ContactModel contact;
  contact.name = map.name("contact");
  if (!contact.name.empty()) map.rename("contact '" + contact.name + "'");
  int kinds = 0;
  for (const char* kind : {"webhook", "alertmanager"}) {
    if (const ConfigNode* address = map.find(kind)) {
      read_contact_address(map, *address, kind, contact);
      ++kinds;
    }
  }
  for (const char* kind : {"slack", "email", "sns", "pagerduty", "kafka"}) {
    map.unavailable(kind, "use a webhook or an alertmanager");
    if (map.has(kind)) ++kinds;
  }
  if (kinds != 1 && node.kind == ConfigNode::Kind::kMap) {
    context.faults.add(map.line(), map.place() +
                                       " needs exactly one of "
                                       "webhook and alertmanager");
  }
  contact.group_by = plain_texts(map.texts("group_by"));
  contact.group_wait_ms = map.duration_ms("group_wait", contact.group_wait_ms);
  contact.group_interval_ms =
      map.duration_ms("group_interval", contact.group_interval_ms, 1000);
  contact.repeat_interval_ms =
      map.duration_ms("repeat_interval", contact.repeat_interval_ms, 1000);
  contact.send_resolved = map.flag("send_resolved", true);
  contact.allow_private = map.flag("allow_private", false);
  map.finish();
  if (contact.name.empty()) return;
  if (context.names.define("contact", contact.name, map.line_of("contact"),
                           context.faults)) {
    context.model.contacts.push_back(std::move(contact));
  }
}

const ConfigNode* list_of(ConfigMap& map, const char* key) {
  const ConfigNode* list = map.find(key);
  if (list && list->kind != ConfigNode::Kind::kList) {
    map.wrong(key, *list, std::string("a list of ") + key);
    return nullptr;
  }
  return list;
}

}  // namespace

AlertModel read_alert(const ConfigNode& node, const Model& model,
                      const std::string& name, bool kpis_unread,
                      FaultList& faults) {
  ConfigMap map(node, "an alert", faults);
  AlertModel alert;
  alert.name = name;
  if (name.empty() || map.has("alert")) alert.name = map.name("alert");
  if (!name.empty() && alert.name != name) {
    map.fault("alert",
              "'alert' names '" + alert.name + "', the request '" + name + "'");
  }
  if (!alert.name.empty()) map.rename("alert '" + alert.name + "'");
  alert.kpi = map.required_text("kpi");
  const KpiModel* kpi = alert_kpi(map, alert.kpi, model, kpis_unread);
  alert.description = map.text("description");
  read_scope(map, alert, kpi);
  read_timing(map, alert);
  if (!map.has("when")) map.required_text("when");
  if (auto when = read_threshold(map, "when")) alert.when = *when;
  alert.recover = read_threshold(map, "recover");
  check_recovery(map, alert);
  alert.severity = map.choice("severity", "warning",
                              {"info", "warning", "error", "critical"});
  read_notify(map, alert, model);
  for (auto& [label, value] : map.pairs("labels")) {
    alert.labels[label] = value.text;
  }
  alert.enabled = map.flag("enabled", true);
  map.finish();
  return alert;
}

void read_contacts(const ConfigNode& root, ReadContext& context) {
  ConfigMap map(root, "the file", context.faults);
  if (const ConfigNode* list = list_of(map, "contacts")) {
    for (const ConfigNode& item : list->items) read_contact(item, context);
  }
  map.find("alerts");
  map.finish();
}

void read_alerts(const ConfigNode& root, ReadContext& context) {
  if (root.kind != ConfigNode::Kind::kMap) return;  // told by read_contacts
  ConfigMap map(root, "the file", context.faults);
  const ConfigNode* list = list_of(map, "alerts");
  if (!list) return;
  for (const ConfigNode& item : list->items) {
    AlertModel alert = read_alert(item, context.model, "", context.kpis_unread,
                                  context.faults);
    if (alert.name.empty()) continue;
    const ConfigNode* name = item.find("alert");
    if (context.names.define("alert", alert.name, name ? name->line : item.line,
                             context.faults)) {
      context.model.alerts.push_back(std::move(alert));
    }
  }
}

Result<AlertModel> parse_alert_json(const JsonValue& body,
                                    const std::string& name,
                                    const Model& model) {
  ConfigNode node = config_from_json(body);
  std::vector<ModelFault> found;
  FaultList faults("", found);
  AlertModel alert = read_alert(node, model, name, false, faults);
  if (found.empty()) return alert;
  std::string all;
  for (const ModelFault& fault : found) {
    all += (all.empty() ? "" : "; ") + fault.message;
  }
  return faults_error(std::move(all), found);
}

namespace {

void write_list(JsonWriter& out, const char* key,
                const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const std::string& text : texts) out.value(std::string_view(text));
  out.end_array();
}

void write_duration(JsonWriter& out, const char* key, int64_t ms) {
  struct Unit {
    int64_t ms;
    const char* name;
  };
  for (Unit unit : {Unit{86'400'000, "d"}, Unit{3'600'000, "h"},
                    Unit{60'000, "m"}, Unit{1000, "s"}, Unit{1, "ms"}}) {
    if (ms % unit.ms == 0) {
      std::string text =
          ms == 0 ? "0s" : std::to_string(ms / unit.ms) + unit.name;
      out.field(key, std::string_view(text));
      return;
    }
  }
}

}  // namespace

std::string alert_to_json(const AlertModel& alert) {
  JsonWriter out;
  auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) out.field(key, std::string_view(value));
  };
  out.begin_object();
  text("alert", alert.name);
  text("description", alert.description);
  text("kpi", alert.kpi);
  text("filter", alert.filter);
  write_list(out, "by", alert.by);
  write_duration(out, "window", alert.window_ms);
  write_duration(out, "every", alert.every_ms);
  text("when", alert.when.to_string());
  if (alert.recover) text("recover", alert.recover->to_string());
  write_duration(out, "for", alert.for_ms);
  write_duration(out, "keep_firing_for", alert.keep_firing_for_ms);
  text("no_data", alert.no_data);
  write_duration(out, "no_data_for", alert.no_data_for_ms);
  out.field("min_rows", alert.min_rows);
  text("severity", alert.severity);
  write_list(out, "notify", alert.notify);
  out.key("labels").begin_object();
  for (const auto& [label, value] : alert.labels) {
    out.field(label, std::string_view(value));
  }
  out.end_object();
  out.field("enabled", alert.enabled);
  out.end_object();
  return out.take();
}

}  // namespace freshet
