#include "server/model/format_reader.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>

#include "segments/strptime_pattern.h"

namespace freshet {
namespace {

const std::vector<std::string> kTimeFormats = {
    "auto", "iso", "days", "seconds", "millis", "micros", "nanos"};

// `files` may have a header line instead of names here.
void read_csv(ConfigMap& source, FormatModel& format, bool files) {
  format.csv_fields = plain_texts(source.texts("fields"));
  if (format.csv_fields.empty() && !files) {
    source.fault("format", source.place() +
                               " lacks the key 'fields', the "
                               "names of a record's fields");
  }
  if (format.name == "tsv" || !source.has("delimiter")) return;
  std::string delimiter = source.text("delimiter");
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

void read_registry(ConfigMap& source, FormatModel& format) {
  const ConfigNode* node = source.find("registry");
  if (node == nullptr) {
    if (format.name == "avro") source.required_text("registry");
    return;
  }
  ConfigMap map(*node, "registry of " + source.place(), source.faults());
  format.registry_url = map.required_secret_text("url");
  if (format.registry_url.empty()) return;
  for (auto [key, value] : {std::pair("user", &format.registry_user),
                            std::pair("password", &format.registry_password),
                            std::pair("ca_file", &format.registry_ca_file)}) {
    if (!map.has(key)) continue;
    *value = value == &format.registry_password ? map.secret(key)
                                                : map.secret_text(key);
  }
  map.finish();
}

// What strptime reads, as far as it can make a date and time; 'E' and 'O' go
// before others.
constexpr std::string_view kConversions = "aAbBcdDeFhHIjkmMnpRrsStTyYzZ%EO";

// Why a pattern cannot give event times; empty if it can.
std::string pattern_fault(const std::string& pattern) {
  for (size_t at = pattern.find('%'); at != std::string::npos;
       at = pattern.find('%', at + 2)) {
    if (at + 1 == pattern.size()) return "ends in a lone '%'";
    char letter = pattern[at + 1];
    if (kConversions.find(letter) == std::string_view::npos) {
      return std::string("has no conversion '%") + letter + "'";
    }
  }
  // It must read back the day of what it writes.
  absl::CivilSecond civil(2026, 11, 28, 22, 41, 7);
  absl::TimeZone utc = absl::UTCTimeZone();
  absl::Time time = absl::FromCivil(civil, utc), read;
  std::string error;
  std::string read_pattern = strptime_pattern(pattern);
  absl::string_view format(read_pattern.data(), read_pattern.size());
  std::string written = absl::FormatTime(format, time, utc);
  if (!absl::ParseTime(format, written, &read, &error)) {
    return "cannot read what it writes: " + written;
  }
  auto day = absl::ToCivilDay(read, utc);
  if (day != absl::CivilDay(civil)) {
    return "does not say which day: it reads " + written + " as " +
           absl::FormatCivilTime(day);
  }
  return "";
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

FormatModel read_format(ConfigMap& source, bool files) {
  FormatModel format;
  format.name =
      source.choice("format", "json",
                    {"json", "csv", "tsv", "avro", "xml", "debezium", "dms"});
  if (format.name == "tsv") format.csv_delimiter = '\t';
  if (format.name == "csv" || format.name == "tsv") {
    read_csv(source, format, files);
  }
  bool tree = format.name == "json" || format.name == "xml" ||
              format.name == "avro" || files;
  if (tree) format.explode = source.text("explode");
  if (format.name == "xml" || files) format.record = source.text("record");
  if (format.name == "xml" && format.record.empty()) {
    source.fault("format", source.place() +
                               " lacks the key 'record', where the records "
                               "are: /inventory/item");
  }
  if (format.name == "avro" && files) {
    source.fault("format",
                 "files of Avro events aren't available in this "
                 "version: format of " +
                     source.place());
  }
  if (format.name == "avro" || format.name == "debezium") {
    read_registry(source, format);
  }
  if (format.name == "debezium") {
    format.decimals =
        source.choice("decimals", "precise", {"precise", "string"});
  }
  if (format.name == "dms") {
    format.before_image = source.text("before_image", format.before_image);
  }
  if (format.name == "tsv") format.name = "csv";
  return format;
}

std::string read_time_format(ConfigMap& map) {
  std::string format = map.text("format", "auto");
  bool known = std::ranges::find(kTimeFormats, format) != kTimeFormats.end();
  if (known) return format;
  if (format.find('%') == std::string::npos) {
    map.wrong("format", *map.find("format"),
              "auto, iso, days, seconds, millis, micros, nanos, or a strftime "
              "pattern");
  } else if (std::string fault = pattern_fault(format); !fault.empty()) {
    map.fault("format", "'format' in " + map.place() + ": the pattern '" +
                            format + "' " + fault);
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
