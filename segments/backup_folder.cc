#include "segments/backup_folder.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>

namespace freshet {
namespace {

namespace fs = std::filesystem;

// `pattern` has 0 for any digit.
bool matches(std::string_view text, std::string_view pattern) {
  return std::ranges::equal(text, pattern, [](char c, char p) {
    return p == '0' ? c >= '0' && c <= '9' : c == p;
  });
}

}  // namespace

Result<FileBytes> read_file_bytes(FileSystem& files, const std::string& path) {
  TRY_ASSIGN(uint64_t size, files.size(path));
  FileBytes bytes;
  if (size == 0) return bytes;
  TRY_ASSIGN(bytes.file, MappedFile::open(path));
  return bytes;
}

std::string backup_hash(std::string_view bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string backup_object(const std::string& backup, const std::string& hash) {
  return backup + "/objects/" + hash.substr(0, 2) + "/" + hash;
}

Result<FileBytes> read_backup_object(FileSystem& files,
                                     const std::string& backup,
                                     const BackupFile& file) {
  std::string path = backup_object(backup, file.hash);
  std::error_code code;
  if (!fs::exists(path, code) && !code) {
    return Error{ErrorCode::kCorrupt,
                 "missing in the backup: " + file.path + ", kept as " + path};
  }
  TRY_ASSIGN(FileBytes bytes, read_file_bytes(files, path));
  bool same = bytes.view().size() == file.bytes &&
              backup_hash(bytes.view()) == file.hash;
  TRY(bytes.status());
  if (same) return bytes;
  return Error{ErrorCode::kCorrupt,
               "damaged in the backup: " + file.path + ", kept as " + path};
}

Result<std::vector<std::string>> backup_names(FileSystem& files,
                                              const std::string& backup) {
  std::vector<std::string> names;
  TRY_ASSIGN(auto listed, files.list(backup));
  for (const std::string& name : listed) {
    if (!name.ends_with(kBackupListEnding)) continue;
    names.push_back(name.substr(0, name.size() - kBackupListEnding.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_backup_id(std::string_view name) {
  return matches(name, "00000000T000000Z") ||
         matches(name, "00000000T000000Z_000000");
}

Result<std::string> newest_backup(FileSystem& files,
                                  const std::string& backup) {
  TRY_ASSIGN(auto names, backup_names(files, backup));
  std::erase_if(names, [](const auto& name) { return !is_backup_id(name); });
  if (!names.empty()) return names.back();
  return Error{ErrorCode::kNotFound, "there is no backup in " + backup};
}

Result<std::vector<BackupFile>> read_backup_list(FileSystem& files,
                                                 const std::string& backup,
                                                 const std::string& id) {
  std::string path = backup + "/" + id + std::string(kBackupListEnding);
  std::error_code code;
  bool inside = id.find('/') == std::string::npos;
  if (!inside || (!fs::exists(path, code) && !code)) {
    return Error{
        ErrorCode::kNotFound,
        fmt::format("there is no backup of that id in {}: {}", backup, id)};
  }
  TRY_ASSIGN(FileBytes bytes, read_file_bytes(files, path));
  std::string text(bytes.view());
  TRY(bytes.status());
  return decode_backup_list(path, text);
}

std::string folder_of(const std::string& path) {
  std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string plain_folder(std::string folder) {
  while (folder.size() > 1 &&
         (folder.ends_with('/') || folder.ends_with("/."))) {
    folder.pop_back();
  }
  return folder;
}

Status write_whole_file(FileSystem& files, const std::string& path,
                        std::string_view bytes) {
  TRY(files.create_folders(folder_of(path)));
  TRY_ASSIGN(auto file, files.create(path + ".tmp"));
  TRY(append_all(*file, bytes));
  TRY(file->sync());
  TRY(file->close());
  return files.rename(path + ".tmp", path);
}

Status sync_folders(FileSystem& files, std::set<std::string> folders,
                    const std::string& root) {
  for (const std::string& one : std::set<std::string>(folders)) {
    for (std::string at = one; at.size() > root.size(); at = folder_of(at)) {
      folders.insert(at);
    }
  }
  folders.insert(root);
  folders.insert(folder_of(root));
  for (const std::string& one : folders) TRY(files.sync_folder(one));
  return {};
}

}  // namespace freshet
