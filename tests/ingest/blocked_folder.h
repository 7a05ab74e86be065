// A folder that is out of reach for a while: a file stands in its place.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace freshet {

class BlockedFolder {
 public:
  explicit BlockedFolder(std::string path) : path_(std::move(path)) {
    std::filesystem::rename(path_, path_ + ".away");
    std::ofstream(path_) << "in the way";
  }
  ~BlockedFolder() { give_back(); }
  BlockedFolder(const BlockedFolder&) = delete;
  BlockedFolder& operator=(const BlockedFolder&) = delete;
  // Idempotent.
  void give_back() {
    std::error_code ignored;
    if (!std::filesystem::exists(path_ + ".away", ignored)) return;
    std::filesystem::remove(path_, ignored);
    std::filesystem::rename(path_ + ".away", path_, ignored);
  }

 private:
  const std::string path_;
};

}  // namespace freshet
