// `freshet init`: the starter model into an empty folder.
#include <filesystem>
#include <fstream>

#include "server/model/model.h"
#include "server/model/starter_files.h"

namespace freshet {

Status write_starter_model(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(folder, error) &&
      (!fs::is_directory(folder, error) || !fs::is_empty(folder, error))) {
    return Error{ErrorCode::kConflict, "the folder is not empty: " + folder};
  }
  for (const StarterFile& starter : starter_files()) {
    fs::path path = fs::path(folder) / starter.path;
    fs::create_directories(path.parent_path(), error);
    std::ofstream file(path, std::ios::binary);
    file << starter.text;
    file.close();
    if (error || !file) {
      return Error{ErrorCode::kIo, "cannot write " + path.string()};
    }
  }
  return {};
}

}  // namespace freshet
