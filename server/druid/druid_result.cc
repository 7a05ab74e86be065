#include "server/druid/druid_result.h"

#include <algorithm>

#include "server/druid/druid_sql.h"
#include "server/json/json_writer.h"
#include "server/sql/metadata_tables.h"

namespace freshet {
namespace {

constexpr uint64_t kRowsBetweenChecks = 1024;

// A double always looks like one, so that clients give the column one type.
std::string double_text(double v) {
  std::string text = JsonWriter().value(v).take();
  bool whole = text.find_first_not_of("-0123456789") == std::string::npos;
  return whole ? text + ".0" : text;
}

void write_object(const QueryResult& result, const std::vector<Value>& row,
                  const absl::TimeZone& zone, JsonWriter& out) {
  out.begin_object();
  for (size_t c = 0; c < row.size(); ++c) {
    out.key(result.columns[c].name);
    write_druid_value(row[c], zone, out);
  }
  out.end_object();
}

void write_array(const std::vector<Value>& row, const absl::TimeZone& zone,
                 JsonWriter& out) {
  out.begin_array();
  for (const Value& value : row) write_druid_value(value, zone, out);
  out.end_array();
}

bool is_object(DruidFormat f) {
  return f == DruidFormat::kObject || f == DruidFormat::kObjectLines;
}

std::string object_header(const QueryResult& result,
                          const DruidResultShape& shape) {
  JsonWriter out;
  out.begin_object();
  for (const ResultColumn& column : result.columns) {
    out.key(column.name);
    if (!shape.types_header && !shape.sql_types_header) {
      out.null();
      continue;
    }
    out.begin_object();
    if (shape.types_header) out.field("type", native_type_of(column.type));
    if (shape.sql_types_header) {
      out.field("sqlType", sql_column_type(column.type).name);
    }
    out.end_object();
  }
  out.end_object();
  return out.take();
}

// Names, then types, then SQL types: each a row of texts.
std::vector<std::vector<std::string>> header_rows(
    const QueryResult& result, const DruidResultShape& shape) {
  std::vector<std::string> names, types, sql_types;
  for (const ResultColumn& column : result.columns) {
    names.push_back(column.name);
    types.push_back(native_type_of(column.type));
    sql_types.push_back(sql_column_type(column.type).name);
  }
  std::vector<std::vector<std::string>> rows;
  if (!shape.header) return rows;
  rows.push_back(std::move(names));
  if (shape.types_header) rows.push_back(std::move(types));
  if (shape.sql_types_header) rows.push_back(std::move(sql_types));
  return rows;
}

// Quoted only where it must be; a quote inside is doubled.
void append_csv(std::string_view field, std::string& out) {
  if (field.find_first_of("\",\n\r") == std::string_view::npos) {
    out += field;
    return;
  }
  out += '"';
  for (char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string csv_field(const Value& value, const absl::TimeZone& zone) {
  if (value.is_null()) return "";
  if (value.as_string()) return *value.as_string();
  if (value.as_timestamp()) return to_iso8601(*value.as_timestamp(), zone);
  JsonWriter out;
  write_druid_value(value, zone, out);
  return out.take();
}

// The rows, headers first, as texts handed to `take`.
template <class Take>
Status each_csv_row(const QueryResult& result, const DruidResultShape& shape,
                    const absl::TimeZone& zone, Take take) {
  std::string line;
  for (const auto& row : header_rows(result, shape)) {
    line.clear();
    for (size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line += ',';
      append_csv(row[c], line);
    }
    TRY(take(line));
  }
  for (const auto& row : result.rows) {
    line.clear();
    for (size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line += ',';
      append_csv(csv_field(row[c], zone), line);
    }
    TRY(take(line));
  }
  return {};
}

template <class Take>
Status each_json_row(const QueryResult& result, const DruidResultShape& shape,
                     const absl::TimeZone& zone, Take take) {
  JsonWriter out;
  if (is_object(shape.format)) {
    if (shape.header) TRY(take(object_header(result, shape)));
  } else {
    for (const auto& row : header_rows(result, shape)) {
      out.clear();
      out.begin_array();
      for (const std::string& text : row) out.value(text);
      out.end_array();
      TRY(take(out.text()));
    }
  }
  for (const auto& row : result.rows) {
    out.clear();
    if (is_object(shape.format)) {
      write_object(result, row, zone, out);
    } else {
      write_array(row, zone, out);
    }
    TRY(take(out.text()));
  }
  return {};
}

}  // namespace

const char* native_type_of(ExpressionType type) {
  switch (type.type) {
    case ValueType::kBool:
    case ValueType::kLong:
    case ValueType::kTimestamp:
      return "LONG";
    case ValueType::kDouble:
    case ValueType::kDecimal:
      return "DOUBLE";
    case ValueType::kString:
    case ValueType::kNull:
      break;
  }
  return "STRING";
}

void write_druid_value(const Value& value, const absl::TimeZone& zone,
                       JsonWriter& out) {
  switch (value.type()) {
    case ValueType::kNull:
      out.null();
      return;
    case ValueType::kBool:
      out.value(*value.as_bool());
      return;
    case ValueType::kLong:
      out.value(*value.as_long());
      return;
    case ValueType::kDouble:
      out.raw(double_text(*value.as_double()));
      return;
    case ValueType::kDecimal:
      out.decimal(value.as_decimal()->units, value.as_decimal()->scale);
      return;
    case ValueType::kString:
      out.value(*value.as_string());
      return;
    case ValueType::kTimestamp:
      out.value(to_iso8601(*value.as_timestamp(), zone));
      return;
  }
}

Result<std::string> rows_as_objects(const QueryResult& result,
                                    const absl::TimeZone& zone,
                                    const QueryControl& control) {
  TRY_ASSIGN(std::string out, write_druid_result(result, {}, zone, control));
  out.pop_back();  // the line feed
  return out;
}

Result<std::string> write_druid_result(const QueryResult& result,
                                       const DruidResultShape& shape,
                                       const absl::TimeZone& zone,
                                       const QueryControl& control) {
  const bool csv = shape.format == DruidFormat::kCsv;
  const bool lines = csv || shape.format == DruidFormat::kObjectLines ||
                     shape.format == DruidFormat::kArrayLines;
  std::string out = lines ? "" : "[";
  uint64_t rows = 0;
  auto take = [&](const std::string& row) -> Status {
    if (rows > 0 && !lines) out += ',';
    out += row;
    if (lines) out += '\n';
    TRY(control.check_result_bytes(out.size()));
    if (++rows % kRowsBetweenChecks != 0) return {};
    if (rows == kRowsBetweenChecks) {
      // By the first rows: a text of many bytes that grows is copied, which
      // takes long.
      const uint64_t expected = out.size() * (result.rows.size() / rows + 1);
      out.reserve(
          std::min(expected + expected / 2, control.limits().max_result_bytes));
    }
    return control.check();
  };
  if (csv) {
    TRY(each_csv_row(result, shape, zone, take));
  } else {
    TRY(each_json_row(result, shape, zone, take));
  }
  // The blank line tells a client that it has seen all rows.
  if (!csv && lines && rows == 0) out += '\n';
  out += lines ? "\n" : "]\n";
  return out;
}

const char* druid_content_type(DruidFormat format) {
  switch (format) {
    case DruidFormat::kObjectLines:
    case DruidFormat::kArrayLines:
      return "text/plain";
    case DruidFormat::kCsv:
      return "text/csv";
    case DruidFormat::kObject:
    case DruidFormat::kArray:
      break;
  }
  return "application/json";
}

}  // namespace freshet
