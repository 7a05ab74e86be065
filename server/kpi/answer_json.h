// The parts that the JSON of answers, drivers and definitions share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/json/json_writer.h"
#include "server/query/provenance.h"
#include "server/query/value.h"

namespace freshet {

// Nothing for an empty text.
void write_text(JsonWriter& out, const char* key, const std::string& text);
void write_list(JsonWriter& out, const char* key,
                const std::vector<std::string>& texts);
// Of buckets and ranges, which are whole seconds mostly: without ".000".
std::string short_time(Timestamp t, const absl::TimeZone& zone);
// Exact decimals; times and texts as text.
void write_value(JsonWriter& out, const Value& value);
// Under the keys "change" and "change_ratio"; null where there is none.
void write_change(JsonWriter& out, const Value& change,
                  const std::optional<double>& ratio);
// Under the key "range".
void write_range(JsonWriter& out, Interval range, const absl::TimeZone& zone);
// Under the key "provenance".
void write_provenance(JsonWriter& out, const Provenance& p);

}  // namespace freshet
