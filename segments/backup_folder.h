// What is in a folder of backups (backup.h), and how it is read and written;
// shared by those who make, verify and restore.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "segments/backup_list.h"
#include "segments/file_system.h"
#include "segments/mapped_file.h"
#include "segments/result.h"

namespace freshet {

inline constexpr std::string_view kBackupListEnding = ".backup";

// A file's bytes while in use; an empty file has none to map.
struct FileBytes {
  std::unique_ptr<MappedFile> file;
  std::string_view view() const {
    return file ? file->bytes() : std::string_view();
  }
  Status status() const { return file ? file->status() : Status(); }
};

Result<FileBytes> read_file_bytes(FileSystem& files, const std::string& path);

// XXH3-128 in hex.
std::string backup_hash(std::string_view bytes);
// Where the bytes of that hash are.
std::string backup_object(const std::string& backup, const std::string& hash);

// The bytes of a file in the backup, if they are those that were taken;
// kCorrupt names both.
Result<FileBytes> read_backup_object(FileSystem& files,
                                     const std::string& backup,
                                     const BackupFile& file);

// Names of the lists in the folder without their ending, in order.
Result<std::vector<std::string>> backup_names(FileSystem& files,
                                              const std::string& backup);
// Whether it is an id as we give them, "20261122T201500Z" or, for one more in
// that second, "20261122T201500Z_000002". In order of text they are in order of
// time; a list that somebody named otherwise is no candidate for the newest.
bool is_backup_id(std::string_view name);
// kNotFound if there is none.
Result<std::string> newest_backup(FileSystem& files, const std::string& backup);
Result<std::vector<BackupFile>> read_backup_list(FileSystem& files,
                                                 const std::string& backup,
                                                 const std::string& id);

std::string folder_of(const std::string& path);
// A folder's name without "/" and "/." at its end, so that its parent is found.
std::string plain_folder(std::string folder);

// Written beside, synced and renamed: at `path` is nothing or all of it, but
// for how long, the caller's sync of the folder says.
Status write_whole_file(FileSystem& files, const std::string& path,
                        std::string_view bytes);

// The folders, and those from them up to `root` and what holds that: not all of
// them need be new, but one that is may have been made by a run that failed.
Status sync_folders(FileSystem& files, std::set<std::string> folders,
                    const std::string& root);

}  // namespace freshet
