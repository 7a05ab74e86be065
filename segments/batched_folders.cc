#include "segments/batched_folders.h"

namespace freshet {

Status BatchedFolders::sync_all() {
  for (const std::string& folder : noted_) TRY(files_.sync_folder(folder));
  noted_.clear();
  return {};
}

}  // namespace freshet
