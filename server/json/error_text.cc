#include "server/json/error_text.h"

#include "server/json/json_writer.h"

namespace freshet {

std::string error_text(std::string_view message) {
  constexpr size_t kMost = 1000;
  if (message.size() <= kMost) return std::string(message);
  size_t end = kMost;
  while (end > 0 && (message[end] & 0xc0) == 0x80) --end;
  return std::string(message.substr(0, end)) + "…";
}

std::string error_json(const Error& error, std::string_view request_id) {
  JsonWriter out;
  out.begin_object().key("error").begin_object();
  out.field("code", error_code_name(error.code));
  out.field("message", error_text(error.message));
  if (error.line > 0) out.field("line", error.line);
  if (error.column > 0) out.field("column", error.column);
  out.key("details").begin_array();
  for (const ErrorDetail& detail : error.details) {
    out.begin_object().field("path", error_text(detail.path));
    out.field("message", error_text(detail.message)).end_object();
  }
  out.end_array();
  if (!request_id.empty()) out.field("request_id", request_id);
  out.end_object().end_object();
  return out.take();
}

}  // namespace freshet
