// freshet query: SQL against a running server, as a table, JSON or CSV.
#include <fmt/format.h>

#include <algorithm>

#include "server/command.h"
#include "server/command_http.h"
#include "server/command_output.h"
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
    // As text a number keeps its decimals: 99595.00.
    body.field("resultFormat", "csv");
    body.field("header", true);
  }
  body.end_object();
  return body.take();
}

// The rows of the server's CSV: a field is quoted if it holds a comma, a quote
// or a line feed; the last line is blank.
std::vector<std::vector<std::string>> read_csv(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  if (text.ends_with('\n')) text.remove_suffix(1);
  while (!text.empty()) {
    auto& row = rows.emplace_back();
    bool more = true;
    while (more) {
      std::string& field = row.emplace_back();
      if (text.starts_with('"')) {
        size_t at = 1;
        for (; at < text.size(); ++at) {
          if (text[at] == '"' && text.substr(at + 1, 1) != "\"") break;
          at += text[at] == '"';
          field += text[at];
        }
        text.remove_prefix(std::min(at + 1, text.size()));
      } else {
        field = text.substr(0, text.find_first_of(",\n"));
        text.remove_prefix(field.size());
      }
      more = text.starts_with(',');
      if (!text.empty()) text.remove_prefix(1);
    }
  }
  return rows;
}

// Characters of UTF-8 text, for padding.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void print_table(const std::vector<std::vector<std::string>>& cells) {
  std::vector<size_t> widths(cells.empty() ? 0 : cells[0].size());
  for (const auto& line : cells) {
    for (size_t c = 0; c < line.size() && c < widths.size(); ++c) {
      widths[c] = std::max(widths[c], width_of(line[c]));
    }
  }
  for (size_t r = 0; r < cells.size(); ++r) {
    for (size_t c = 0; c < cells[r].size() && c < widths.size(); ++c) {
      print_output("{}{}{}", c ? "  " : "", cells[r][c],
                   std::string(widths[c] - width_of(cells[r][c]), ' '));
    }
    print_output("\n");
    if (r > 0) continue;
    for (size_t c = 0; c < widths.size(); ++c) {
      print_output("{}{}", c ? "  " : "", std::string(widths[c], '-'));
    }
    print_output("\n");
  }
  print_output("({} rows)\n", cells.empty() ? 0 : cells.size() - 1);
}

int print_failure(const HttpReply& reply) {
  auto body = parse_json(reply.body);
  std::string message = reply.body;
  if (body) {
    const JsonValue* text = body->find("errorMessage");
    if (const JsonValue* error = body->find("error"); error && !text) {
      text = error->find("message");
      if (!text) text = error;
    }
    if (text && text->as_string()) message = *text->as_string();
  }
  print_notice("freshet: {} (status {})\n", message, reply.status);
  return reply.status >= 500 ? kExitEnvironment : kExitInvalid;
}

}  // namespace

int command_query(const QueryOptions& options) {
  auto reply = HttpClient(options.token)
                   .post(options.url + "/druid/v2/sql", request_body(options),
                         {"Content-Type: application/json"});
  if (!reply) return report_error(reply.error());
  if (reply->status != 200) return print_failure(*reply);
  if (options.format != "table") {
    // Without the blank line that marks the end for clients of Druid.
    std::string_view text = reply->body;
    if (text.ends_with('\n')) text.remove_suffix(1);
    write_output(text);
    if (!text.ends_with('\n')) write_output("\n");
    return kExitDone;
  }
  print_table(read_csv(reply->body));
  return kExitDone;
}

}  // namespace freshet
