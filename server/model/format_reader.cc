#include "server/model/format_reader.h"

#include <algorithm>

namespace freshet {
namespace {

const std::vector<std::string> kTimeFormats = {
    "auto", "iso", "days", "seconds", "millis", "micros", "nanos"};

void read_csv(ConfigMap& source, FormatModel& format) {
  format.csv_fields = plain_texts(source.texts("fields"));
  if (format.csv_fields.empty()) {
    source.fault("format", source.place() +
                               " lacks the key 'fields', the "
                               "names of a record's fields");
  }
  std::string delimiter = source.text("delimiter", ",");
  if (delimiter == "tab") delimiter = "\t";
  bool good = delimiter.size() == 1 &&
              std::string_view("\"\r\n").find(delimiter) == std::string::npos;
  if (good) {
    format.csv_delimiter = delimiter[0];
  } else {
    source.wrong("delimiter", *source.find("delimiter"),
                 "one character, or tab");
  }
}

bool message_part(std::string_view text) {
  for (std::string_view part :
       {"key", "timestamp", "topic", "partition", "offset"}) {
    if (text == part) return true;
  }
  return (text.starts_with("key.") && text.size() > 4) ||
         (text.starts_with("header.") && text.size() > 7);
}

}  // namespace

FormatModel read_format(ConfigMap& source) {
  FormatModel format;
  format.name =
      source.choice("format", "json",
                    {"json", "csv", "tsv", "avro", "xml", "debezium", "dms"});
  if (format.name == "tsv") {
    format.name = "csv";
    format.csv_fields = plain_texts(source.texts("fields"));
    format.csv_delimiter = '\t';
    if (format.csv_fields.empty()) {
      source.fault("format", source.place() +
                                 " lacks the key 'fields', the "
                                 "names of a record's fields");
    }
  } else if (format.name == "csv") {
    read_csv(source, format);
  } else if (format.name == "json") {
    format.explode = source.text("explode");
  } else {
    source.fault("format", "format '" + format.name + "' of " + source.place() +
                               " isn't available in this version; 'json' and "
                               "'csv' are");
  }
  source.unavailable("registry");
  return format;
}

std::string read_time_format(ConfigMap& map) {
  std::string format = map.text("format", "auto");
  bool known = std::ranges::find(kTimeFormats, format) != kTimeFormats.end();
  if (!known && format.find('%') == std::string::npos) {
    map.wrong("format", *map.find("format"),
              "auto, iso, days, seconds, millis, micros, nanos, or a strftime "
              "pattern");
  }
  return format;
}

void read_column_source(ConfigMap& map, ColumnModel& column) {
  column.path = map.text("path", column.name);
  column.message = map.text("message");
  if (!column.message.empty() && !message_part(column.message)) {
    map.wrong("message", *map.find("message"),
              "key, key.MEMBER, header.NAME, timestamp, topic, partition or "
              "offset");
  }
  if (!column.message.empty() && map.has("path")) {
    map.fault("path", map.place() + " has both 'path' and 'message'");
  }
  column.time_format = read_time_format(map);
  if (map.has("format") && column.type.kind != ColumnKind::kTimestamp) {
    map.fault("format", "'format' in " + map.place() +
                            " is for columns of type timestamp");
  }
  column.on_error =
      map.choice("on_error", "reject", {"reject", "null", "default"});
  if (column.on_error == "default" && !map.has("default")) {
    map.fault("on_error", map.place() + " lacks the key 'default'");
  }
}

}  // namespace freshet
