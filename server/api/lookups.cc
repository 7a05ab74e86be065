// GET, PUT /api/v1/lookups/{l} and its rows.
#include <charconv>

#include "server/api/lookup_service.h"
#include "server/api/services.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/kpi/answer_json.h"
#include "server/query/expression_type.h"
#include "server/query/lookup_source.h"

namespace freshet {
namespace {

constexpr size_t kMaxBody = size_t{64} << 20;
constexpr uint64_t kPage = 100, kMaxPage = 10'000;

HttpResponse no_lookup(const Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("l");
  std::vector<std::string> known;
  for (const auto model = services.model();
       const LookupModel& lookup : model->lookups) {
    known.push_back(lookup.name);
  }
  std::string near = nearest_name(name, known);
  return error_response(
      {ErrorCode::kNotFound,
       "there is no lookup '" + name + "'" +
           (near.empty() ? "" : "; did you mean '" + near + "'?")},
      request.request_id);
}

void write_columns(JsonWriter& out, const LookupModel& lookup) {
  out.key("columns").begin_array();
  for (const ColumnModel& column : lookup.rows.columns) {
    std::string type = to_string(column.type);
    out.begin_object().field("name", std::string_view(column.name));
    out.field("type", std::string_view(type)).end_object();
  }
  out.end_array();
}

void write_lookup(JsonWriter& out, const LookupModel& lookup,
                  const LookupStatus& status) {
  out.begin_object().field("lookup", std::string_view(lookup.name));
  out.field("title", std::string_view(lookup.title));
  if (!lookup.description.empty()) {
    out.field("description", std::string_view(lookup.description));
  }
  if (!lookup.owner.empty()) {
    out.field("owner", std::string_view(lookup.owner));
  }
  out.field("key", std::string_view(lookup.key));
  write_columns(out, lookup);
  out.field("source", std::string_view(status.source));
  out.field("state", std::string_view(status.state));
  if (!status.error.empty()) {
    out.field("error", std::string_view(status.error));
  }
  out.field("complete", status.complete);
  out.field("rows", status.rows).field("memory_bytes", status.memory_bytes);
  out.field("max_keys", status.max_keys).field("max_bytes", status.max_bytes);
  if (status.changed.ms > 0) {
    out.field("changed", std::string_view(to_iso8601(status.changed)));
    out.field("age_ms", now().ms - status.changed.ms);
  }
  if (status.source != "http") {
    out.field("messages", status.messages).field("rejected", status.rejected);
    if (status.lag >= 0) out.field("lag", status.lag);
    if (!status.last_rejection.empty()) {
      out.field("last_rejection", std::string_view(status.last_rejection));
    }
  }
  out.end_object();
}

HttpResponse list(const Services& services) {
  JsonWriter out;
  auto model = services.model();
  out.begin_object().key("lookups").begin_array();
  for (const LookupModel& lookup : model->lookups) {
    auto status = services.lookups.status(lookup.name);
    if (status) write_lookup(out, lookup, *status);
  }
  out.end_array().end_object();
  return json_response(out.take());
}

HttpResponse show(const Services& services, const HttpRequest& request) {
  auto model = services.model();
  const std::string& name = request.params.at("l");
  const LookupModel* lookup = model->lookup(name);
  auto status = services.lookups.status(name);
  if (!lookup || !status) return no_lookup(services, request);
  JsonWriter out;
  write_lookup(out, *lookup, *status);
  return json_response(out.take());
}

void write_row(JsonWriter& out, const LookupTable& table, size_t row) {
  out.begin_object().key(table.key().name);
  write_value(out, table.keys().keys()[row]);
  for (size_t c = 0; c < table.columns().size(); ++c) {
    out.key(table.columns()[c].name);
    write_value(out, (*table.map(c)->values)[row]);
  }
  out.end_object();
}

std::shared_ptr<const LookupTable> table_of(const Services& services,
                                            const HttpRequest& request) {
  const LookupSource* source = services.runner.catalog().lookups();
  return source ? source->snapshot(request.params.at("l")) : nullptr;
}

// A whole number in a query parameter.
Result<uint64_t> number_of(const HttpRequest& request, std::string_view name,
                           uint64_t fallback, uint64_t least, uint64_t most) {
  const std::string* text = request.query_value(name);
  if (!text) return fallback;
  uint64_t value = 0;
  auto [end, error] =
      std::from_chars(text->data(), text->data() + text->size(), value);
  bool number = error == std::errc() && end == text->data() + text->size();
  if (number && value >= least && value <= most) return value;
  return at_path(name,
                 invalid("'" + std::string(name) + "' is a whole number from " +
                         std::to_string(least) + " to " + std::to_string(most) +
                         ", not '" + *text + "'"));
}

HttpResponse rows(const Services& services, const HttpRequest& request) {
  auto table = table_of(services, request);
  if (!table) return no_lookup(services, request);
  auto after = number_of(request, "after", 0, 0, UINT64_MAX);
  if (!after) return error_response(after.error(), request.request_id);
  auto limit = number_of(request, "limit", kPage, 1, kMaxPage);
  if (!limit) return error_response(limit.error(), request.request_id);
  JsonWriter out;
  out.begin_object().key("rows").begin_array();
  size_t row = *after;
  for (uint64_t n = 0; n < *limit && row < table->num_rows(); ++n) {
    write_row(out, *table, row++);
  }
  out.end_array().field("total_rows", uint64_t{table->num_rows()});
  if (row < table->num_rows()) {
    std::string next = std::to_string(row);
    out.field("next", std::string_view(next));
  }
  out.end_object();
  return json_response(out.take());
}

HttpResponse row(const Services& services, const HttpRequest& request) {
  auto table = table_of(services, request);
  if (!table) return no_lookup(services, request);
  const std::string& key = request.params.at("key");
  Value wanted(key);
  int64_t number = 0;
  if (table->key().type.type == ValueType::kLong) {
    auto [end, error] =
        std::from_chars(key.data(), key.data() + key.size(), number);
    bool whole = error == std::errc() && end == key.data() + key.size();
    wanted = whole ? Value(number) : Value();
  }
  uint32_t at = table->keys().find(wanted);
  if (at == KeyIndex::kNone) {
    return error_response(
        {ErrorCode::kNotFound,
         "lookup " + table->name() + " has no key '" + key + "'"},
        request.request_id);
  }
  JsonWriter out;
  write_row(out, *table, at);
  return json_response(out.take());
}

// What went wrong with the whole of what was sent.
HttpResponse write_error(const Services& services, const HttpRequest& request,
                         const Error& error) {
  if (error.code == ErrorCode::kNotFound &&
      !services.lookups.status(request.params.at("l"))) {
    return no_lookup(services, request);
  }
  HttpResponse response = error_response(error, request.request_id);
  if (error.code == ErrorCode::kUnsupported) response.status = 415;
  if (error.code == ErrorCode::kLimit) response.status = 413;
  return response;
}

HttpResponse written(const Services& services, const HttpRequest& request,
                     const Result<LookupWrite>& write) {
  if (!write) return write_error(services, request, write.error());
  JsonWriter out;
  if (write->rejected == 0) {
    out.begin_object().field("rows", write->rows);
    out.field("repeated", write->repeated).field("keys", write->keys);
    out.end_object();
    return json_response(out.take());
  }
  Error error = invalid(std::to_string(write->rejected) + " of " +
                        std::to_string(write->rows) +
                        " rows are at fault; nothing was changed");
  for (const LookupWrite::RowError& row : write->errors) {
    error.details.push_back({"row " + std::to_string(row.row), row.message});
  }
  return error_response(error, request.request_id);
}

HttpResponse put_rows(Services& services, const HttpRequest& request,
                      bool replaces) {
  return written(
      services, request,
      services.lookups.write(request.params.at("l"), replaces,
                             request.header("content-type"), request.body));
}

HttpResponse put_row(Services& services, const HttpRequest& request) {
  return written(
      services, request,
      services.lookups.write_row(request.params.at("l"),
                                 request.params.at("key"), request.body));
}

HttpResponse done(const Services& services, const HttpRequest& request,
                  const Status& status) {
  if (!status) return write_error(services, request, status.error());
  return json_response("{}");
}

}  // namespace

void add_lookup_routes(Router& router, Services& services) {
  const std::string one = "/api/v1/lookups/{l}", all = one + "/rows";
  router.add("GET", "/api/v1/lookups", Access::kRead,
             [&services](const HttpRequest&) { return list(services); });
  router.add("GET", one, Access::kRead,
             [&services](const HttpRequest& r) { return show(services, r); });
  router.add(
      "PUT", one, Access::kWrite,
      [&services](const HttpRequest& r) { return put_rows(services, r, true); },
      kMaxBody);
  router.add("GET", all, Access::kRead,
             [&services](const HttpRequest& r) { return rows(services, r); });
  router.add(
      "POST", all, Access::kWrite,
      [&services](const HttpRequest& r) {
        return put_rows(services, r, false);
      },
      kMaxBody);
  router.add("GET", all + "/{key}", Access::kRead,
             [&services](const HttpRequest& r) { return row(services, r); });
  router.add(
      "PUT", all + "/{key}", Access::kWrite,
      [&services](const HttpRequest& r) { return put_row(services, r); });
  router.add("DELETE", all + "/{key}", Access::kWrite,
             [&services](const HttpRequest& r) {
               return done(services, r,
                           services.lookups.remove_row(r.params.at("l"),
                                                       r.params.at("key")));
             });
}

}  // namespace freshet
