// JSON Schema (draft 2020-12) of the model files, for editors: completion,
// help and marks while a file is written. `freshet init` puts them beside the
// model as .schema/KIND.json, and the server gives them out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

// "dataset", "kpis", "dashboard", "alerts", "settings".
std::vector<std::string> schema_kinds();
// Nothing for an unknown kind.
std::optional<std::string> model_schema(std::string_view kind);

// The keys of one map of the files: "kpi", "tile", "alert", ...
std::vector<std::string> schema_keys(std::string_view map);

}  // namespace freshet
