// freshet query: SQL against a running server, as a table, JSON or CSV.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "server/command.h"
#include "server/command_http.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

std::string request_body(const QueryOptions& options) {
  JsonWriter body;
  body.begin_object().field("query", std::string_view(options.sql));
  if (options.format == "json") {
    body.field("resultFormat", "object");
  } else {
    body.field("resultFormat", options.format == "csv" ? "csv" : "array");
    body.field("header", true);
  }
  body.end_object();
  return body.take();
}

std::string cell_text(const JsonValue& value) {
  if (const std::string* text = value.as_string()) return *text;
  if (const int64_t* number = value.as_int()) return std::to_string(*number);
  if (const double* number = value.as_double()) {
    return fmt::format("{}", *number);
  }
  if (const bool* flag = value.as_bool()) return *flag ? "true" : "false";
  return value.is_null() ? "" : value.type_name();
}

// Characters of UTF-8 text, for padding.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void print_table(const JsonArray& rows) {
  std::vector<std::vector<std::string>> cells;
  std::vector<size_t> widths;
  for (const JsonValue& row : rows) {
    auto& line = cells.emplace_back();
    if (!row.as_array()) continue;
    for (const JsonValue& value : *row.as_array()) {
      line.push_back(cell_text(value));
      if (widths.size() < line.size()) widths.push_back(0);
      size_t& width = widths[line.size() - 1];
      width = std::max(width, width_of(line.back()));
    }
  }
  for (size_t r = 0; r < cells.size(); ++r) {
    for (size_t c = 0; c < cells[r].size(); ++c) {
      fmt::print("{}{}{}", c ? "  " : "", cells[r][c],
                 std::string(widths[c] - width_of(cells[r][c]), ' '));
    }
    fmt::print("\n");
    if (r > 0) continue;
    for (size_t c = 0; c < widths.size(); ++c) {
      fmt::print("{}{}", c ? "  " : "", std::string(widths[c], '-'));
    }
    fmt::print("\n");
  }
  fmt::print("({} rows)\n", cells.empty() ? 0 : cells.size() - 1);
}

int print_failure(const HttpReply& reply) {
  auto body = parse_json(reply.body);
  std::string message = reply.body;
  if (body) {
    if (const JsonValue* text = body->find("errorMessage")) {
      message = cell_text(*text);
    } else if (const JsonValue* error = body->find("error")) {
      const JsonValue* inner = error->find("message");
      message = cell_text(inner ? *inner : *error);
    }
  }
  fmt::print(stderr, "freshet: {} (status {})\n", message, reply.status);
  return reply.status >= 500 ? kExitEnvironment : kExitInvalid;
}

}  // namespace

int command_query(const QueryOptions& options) {
  HttpClient client;
  std::vector<std::string> headers = {"Content-Type: application/json"};
  if (!options.token.empty()) {
    headers.push_back("Authorization: Bearer " + options.token);
  }
  auto reply = client.post(options.url + "/druid/v2/sql", request_body(options),
                           headers);
  if (!reply) return report_error(reply.error());
  if (reply->status != 200) return print_failure(*reply);
  if (options.format != "table") {
    std::fwrite(reply->body.data(), 1, reply->body.size(), stdout);
    if (options.format == "json") fmt::print("\n");
    return kExitDone;
  }
  auto rows = parse_json(reply->body);
  if (!rows || !rows->as_array()) {
    return report_error({ErrorCode::kInternal, "not a table: " + reply->body});
  }
  print_table(*rows->as_array());
  return kExitDone;
}

}  // namespace freshet
