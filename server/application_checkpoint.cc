#include "server/application_checkpoint.h"

#include <filesystem>

namespace freshet {

Result<std::string> write_checkpoint(SegmentStore& store, EmbeddedLog& log,
                                     Lookups& lookups) {
  // A name that no other request takes: the next free number.
  std::string folder = store.data_folder() + "/checkpoints";
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  std::string name;
  for (int i = 1; !code; ++i) {
    name = std::to_string(i);
    if (std::filesystem::create_directory(folder + "/" + name, code)) break;
  }
  std::string path = folder + "/" + name;
  if (code) {
    return Error{ErrorCode::kIo,
                 "cannot create folder: " + code.message() + ": " + path};
  }
  // The log while no commit can come: it has every event after the offsets.
  Status status =
      store.checkpoint(path, [&] { return log.checkpoint(path + "/log"); });
  if (status) status = lookups.checkpoint(path + "/lookups");
  if (status) return "checkpoints/" + name;
  std::filesystem::remove_all(path, code);
  return status.error();
}

void remove_checkpoints(const std::string& data_folder) {
  std::error_code ignored;
  std::filesystem::remove_all(data_folder + "/checkpoints", ignored);
}

}  // namespace freshet
