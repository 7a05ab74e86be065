// The list of files of one backup (backup.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct BackupFile {
  std::string hash;  // XXH3-128, 32 hex digits
  uint64_t bytes = 0;
  std::string content;  // a segment's content hash in hex, or "-"
  std::string path;     // relative to the data folder
};

std::string encode_backup_list(const std::vector<BackupFile>& files);

// kCorrupt names `path`, the list's file.
Result<std::vector<BackupFile>> decode_backup_list(const std::string& path,
                                                   std::string_view text);

}  // namespace freshet
