// Druid's five result formats, byte for byte.
#pragma once

#include <string>

#include "server/query/runner.h"

namespace freshet {

enum class DruidFormat { kObject, kArray, kObjectLines, kArrayLines, kCsv };

struct DruidResultShape {
  DruidFormat format = DruidFormat::kObject;
  bool header = false;
  bool types_header = false;      // only with header
  bool sql_types_header = false;  // only with header
};

std::string write_druid_result(const QueryResult& result,
                               const DruidResultShape& shape,
                               const absl::TimeZone& zone);
const char* druid_content_type(DruidFormat format);

}  // namespace freshet
