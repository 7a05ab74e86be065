// Shapes of JSON in one line, and the JSON Schema they stand for:
//   members  "kpi:string compare?:Compare by:[string] value:number|null"
//   types    string integer number boolean object null any time, (a,b) one of
//            these texts, [T] a list, {T} a map by name, T|U either, NAME
//            another shape
// A '?' after a member's name: it may be absent. As the last word "." says that
// there are no other members, "..." that there are others by any name.
#pragma once

#include <string_view>
#include <vector>

#include "server/json/json_writer.h"

namespace freshet {

struct NamedShape {
  const char* name;
  const char* members;
  const char* example = "";  // JSON
};

// The words of a blank-separated text.
std::vector<std::string_view> words_of(std::string_view text);

// A JSON Schema of a type; shapes by "#/components/schemas/NAME".
void write_type(JsonWriter& out, std::string_view type);
void write_shape(JsonWriter& out, const NamedShape& shape);

}  // namespace freshet
