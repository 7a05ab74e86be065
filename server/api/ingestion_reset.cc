// POST /api/v1/ingestion/{d}/reset: where a stream reads on.
#include <fmt/format.h>

#include "ingest/offset_reset.h"
#include "server/api/ingestion_service.h"
#include "server/api/services.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

using To = OffsetReset::To;

constexpr const char* kTargets = "earliest, latest, offsets or timestamp";

Status read_target(const JsonValue& value, OffsetReset& reset) {
  const std::string* text = value.as_string();
  std::string name = text == nullptr ? "" : *text;
  if (name == "earliest") {
    reset.to = To::kEarliest;
  } else if (name == "latest") {
    reset.to = To::kLatest;
  } else if (name == "offsets") {
    reset.to = To::kOffsets;
  } else if (name == "timestamp") {
    reset.to = To::kTimestamp;
  } else {
    return invalid(fmt::format("'to' is {}, not '{}'", kTargets, name));
  }
  return {};
}

Status read_offsets(const JsonValue& value, OffsetReset& reset) {
  if (value.as_object() == nullptr) {
    return invalid("'offsets' is an object: {\"log/0\":123}");
  }
  for (const auto& [partition, offset] : *value.as_object()) {
    if (offset.as_int() == nullptr || *offset.as_int() < 0) {
      return invalid("'offsets': not an offset: " + partition);
    }
    reset.offsets[partition] = *offset.as_int();
  }
  return {};
}

Status read_partitions(const JsonValue& value, OffsetReset& reset) {
  if (value.as_array() == nullptr || value.as_array()->empty()) {
    return invalid("'partitions' is a list of names: [\"log/0\"]");
  }
  for (const JsonValue& one : *value.as_array()) {
    if (one.as_string() == nullptr) {
      return invalid("'partitions' is a list of names: [\"log/0\"]");
    }
    reset.partitions.push_back(*one.as_string());
  }
  return {};
}

Status read_member(const std::string& name, const JsonValue& value,
                   ResetRequest& request) {
  OffsetReset& reset = request.reset;
  if (name == "to") return read_target(value, reset);
  if (name == "offsets") return read_offsets(value, reset);
  if (name == "partitions") return read_partitions(value, reset);
  if (name == "timestamp") {
    if (value.as_string() == nullptr) {
      return invalid("'timestamp' is an ISO 8601 text");
    }
    TRY_ASSIGN(reset.time, parse_iso8601(*value.as_string()));
    return {};
  }
  if (name == "dry_run") {
    if (value.as_bool() == nullptr)
      return invalid("'dry_run' is true or false");
    request.dry_run = *value.as_bool();
    return {};
  }
  std::vector<std::string> known = {"to", "offsets", "partitions", "timestamp",
                                    "dry_run"};
  std::string near = nearest_name(name, known);
  return invalid("unknown key '" + name + "'" +
                 (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

// What belongs to each target, and only to it.
Status check_members(const JsonValue& body, const OffsetReset& reset) {
  if (body.find("to") == nullptr) {
    return invalid(fmt::format("'to' is missing: {}", kTargets));
  }
  bool offsets = body.find("offsets") != nullptr;
  bool time = body.find("timestamp") != nullptr;
  if (offsets != (reset.to == To::kOffsets) ||
      (offsets && reset.offsets.empty())) {
    return invalid("'offsets' goes with \"to\":\"offsets\"");
  }
  if (time != (reset.to == To::kTimestamp)) {
    return invalid("'timestamp' goes with \"to\":\"timestamp\"");
  }
  if (offsets && !reset.partitions.empty()) {
    return invalid("'offsets' names its partitions: no 'partitions' beside it");
  }
  return {};
}

Result<ResetRequest> read_request(const std::string& text) {
  ResetRequest request;
  TRY_ASSIGN(JsonValue body, parse_json(text));
  if (body.as_object() == nullptr) return invalid("the body is not an object");
  for (const auto& [name, value] : *body.as_object()) {
    TRY(read_member(name, value, request));
  }
  TRY(check_members(body, request.reset));
  return request;
}

std::string report_json(const std::string& dataset, const ResetRequest& request,
                        const ResetReport& report) {
  int64_t skipped = 0, repeated = 0, lost = 0;
  JsonWriter out;
  out.begin_object().field("dataset", std::string_view(dataset));
  out.field("dry_run", request.dry_run);
  out.key("partitions").begin_array();
  for (const ResetStep& step : report.steps) {
    out.begin_object().field("partition", std::string_view(step.partition));
    out.field("from", step.from).field("to", step.to);
    out.field("low", step.low).field("high", step.high);
    out.field("skipped", step.skipped()).field("repeated", step.repeated());
    out.field("lost", step.lost()).end_object();
    skipped += step.skipped();
    repeated += step.repeated();
    lost += step.lost();
  }
  out.end_array();
  out.field("skipped", skipped).field("repeated", repeated);
  out.field("lost", lost);
  std::string message =
      fmt::format("{} records {} skipped and {} read again", skipped,
                  request.dry_run ? "would be" : "are", repeated);
  if (lost > 0) {
    message += fmt::format("; {} are not in the source any more", lost);
  }
  if (repeated > 0) message += "; " + report.repeats;
  out.field("message", std::string_view(message)).end_object();
  return out.take();
}

HttpResponse reset(Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("d");
  auto wanted = read_request(request.body);
  if (!wanted) return error_response(wanted.error(), request.request_id);
  auto report = services.ingestion.reset(name, *wanted);
  if (!report) return error_response(report.error(), request.request_id);
  return json_response(report_json(name, *wanted, *report));
}

}  // namespace

void add_reset_route(Router& router, Services& services) {
  router.add("POST", "/api/v1/ingestion/{d}/reset", Access::kAdmin,
             [&services](const HttpRequest& r) { return reset(services, r); });
}

}  // namespace freshet
