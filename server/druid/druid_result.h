// Druid's five result formats, byte for byte.
#pragma once

#include <string>

#include "server/json/json_writer.h"
#include "server/query/query_control.h"

namespace freshet {

enum class DruidFormat { kObject, kArray, kObjectLines, kArrayLines, kCsv };

struct DruidResultShape {
  DruidFormat format = DruidFormat::kObject;
  bool header = false;
  bool types_header = false;      // only with header
  bool sql_types_header = false;  // only with header
};

// Fails as `control` does, and with max_result_bytes.
Result<std::string> write_druid_result(const QueryResult& result,
                                       const DruidResultShape& shape,
                                       const absl::TimeZone& zone,
                                       const QueryControl& control);
// One value as in these formats; times in `zone`.
void write_druid_value(const Value& value, const absl::TimeZone& zone,
                       JsonWriter& out);
// LONG, DOUBLE or STRING.
const char* native_type_of(ExpressionType type);
const char* druid_content_type(DruidFormat format);

}  // namespace freshet
