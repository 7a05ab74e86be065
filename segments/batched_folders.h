// BatchedFolders: a FileSystem that syncs each folder once for many files
// written to it. sync_folder() only notes the folder; nothing counts as
// durable before sync_all() is done.
#pragma once

#include <set>
#include <string>

#include "segments/forwarding_files.h"

namespace freshet {

class BatchedFolders final : public ForwardingFiles {
 public:
  // `files` outlives this. Used by one thread.
  explicit BatchedFolders(FileSystem& files) : ForwardingFiles(files) {}

  // Syncs what was noted so far.
  Status sync_all();

  Status sync_folder(const std::string& path) override {
    noted_.insert(path);
    return {};
  }

 private:
  std::set<std::string> noted_;
};

}  // namespace freshet
