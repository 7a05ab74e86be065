// `freshet init`: the starter model into an empty folder.
#include <filesystem>
#include <fstream>

#include "server/model/model.h"
#include "server/model/model_schema.h"
#include "server/model/starter_files.h"

namespace freshet {
namespace {

// Tells editors which schema a file has.
std::string modeline(const std::string& name) {
  static constexpr const char* kKinds[][2] = {{"datasets/", "dataset"},
                                              {"kpis/", "kpis"},
                                              {"dashboards/", "dashboard"},
                                              {"alerts/", "alerts"}};
  std::string begin = "# yaml-language-server: $schema=";
  if (name == "freshet.yaml") return begin + ".schema/settings.json\n";
  for (const auto& kind : kKinds) {
    if (name.starts_with(kind[0])) {
      return begin + "../.schema/" + kind[1] + ".json\n";
    }
  }
  return "";
}

}  // namespace

Status write_starter_model(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(folder, error) &&
      (!fs::is_directory(folder, error) || !fs::is_empty(folder, error))) {
    return invalid("the folder is not empty: " + folder);
  }
  auto write = [&](const std::string& name, const std::string& text) -> Status {
    fs::path path = fs::path(folder) / name;
    fs::create_directories(path.parent_path(), error);
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!error && file) return {};
    return Error{ErrorCode::kIo, "cannot write " + path.string()};
  };
  for (const StarterFile& starter : starter_files()) {
    std::string name(starter.path);
    TRY(write(name, modeline(name) + std::string(starter.text)));
  }
  for (const std::string& kind : schema_kinds()) {
    TRY(write(".schema/" + kind + ".json", *model_schema(kind) + "\n"));
  }
  return {};
}

}  // namespace freshet
