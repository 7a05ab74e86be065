#include "server/druid/druid_result.h"

#include "server/druid/druid_sql.h"
#include "server/json/json_writer.h"
#include "server/sql/metadata_tables.h"

namespace freshet {
namespace {

const char* native_type(ExpressionType type) {
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

// A double always looks like one, so that clients give the column one type.
std::string double_text(double v) {
  std::string text = JsonWriter().value(v).take();
  bool whole = text.find_first_not_of("-0123456789") == std::string::npos;
  return whole ? text + ".0" : text;
}

void write_value(const Value& value, const absl::TimeZone& zone,
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

void write_object(const QueryResult& result, const std::vector<Value>& row,
                  const absl::TimeZone& zone, JsonWriter& out) {
  out.begin_object();
  for (size_t c = 0; c < row.size(); ++c) {
    out.key(result.columns[c].name);
    write_value(row[c], zone, out);
  }
  out.end_object();
}

void write_array(const std::vector<Value>& row, const absl::TimeZone& zone,
                 JsonWriter& out) {
  out.begin_array();
  for (const Value& value : row) write_value(value, zone, out);
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
    if (shape.types_header) out.field("type", native_type(column.type));
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
    types.push_back(native_type(column.type));
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
  write_value(value, zone, out);
  return out.take();
}

std::string write_csv(const QueryResult& result, const DruidResultShape& shape,
                      const absl::TimeZone& zone) {
  std::string out;
  for (const auto& row : header_rows(result, shape)) {
    for (size_t c = 0; c < row.size(); ++c) {
      if (c > 0) out += ',';
      append_csv(row[c], out);
    }
    out += '\n';
  }
  for (const auto& row : result.rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      if (c > 0) out += ',';
      append_csv(csv_field(row[c], zone), out);
    }
    out += '\n';
  }
  return out + '\n';
}

// The rows, headers first, each as JSON text handed to `take`.
template <class Take>
void each_json_row(const QueryResult& result, const DruidResultShape& shape,
                   const absl::TimeZone& zone, Take take) {
  JsonWriter out;
  if (is_object(shape.format)) {
    if (shape.header) take(object_header(result, shape));
  } else {
    for (const auto& row : header_rows(result, shape)) {
      out.clear();
      out.begin_array();
      for (const std::string& text : row) out.value(text);
      out.end_array();
      take(out.text());
    }
  }
  for (const auto& row : result.rows) {
    out.clear();
    if (is_object(shape.format)) {
      write_object(result, row, zone, out);
    } else {
      write_array(row, zone, out);
    }
    take(out.text());
  }
}

}  // namespace

std::string rows_as_objects(const QueryResult& result,
                            const absl::TimeZone& zone) {
  std::string out = write_druid_result(result, {}, zone);
  out.pop_back();  // the line feed
  return out;
}

std::string write_druid_result(const QueryResult& result,
                               const DruidResultShape& shape,
                               const absl::TimeZone& zone) {
  if (shape.format == DruidFormat::kCsv) return write_csv(result, shape, zone);
  bool lines = shape.format == DruidFormat::kObjectLines ||
               shape.format == DruidFormat::kArrayLines;
  std::string out = lines ? "" : "[";
  bool first = true;
  each_json_row(result, shape, zone, [&](const std::string& row) {
    if (!first) out += lines ? '\n' : ',';
    first = false;
    out += row;
  });
  // The blank line tells a client that it has seen all rows.
  return out + (lines ? "\n\n" : "]\n");
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
