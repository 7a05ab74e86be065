#include "segments/backup.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "segments/backup_list.h"
#include "segments/file_system.h"
#include "segments/mapped_file.h"
#include "segments/sealed_file.h"
#include "segments/sealed_segment.h"
#include "segments/time.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListEnding = ".backup";
constexpr size_t kChunk = 1 << 20;

std::string hash_of(std::string_view bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string object_of(const std::string& backup, const std::string& hash) {
  return backup + "/objects/" + hash.substr(0, 2) + "/" + hash;
}

// A file's bytes while in use; an empty file has none to map.
struct Bytes {
  std::unique_ptr<MappedFile> file;
  std::string_view view() const {
    return file ? file->bytes() : std::string_view();
  }
  Status status() const { return file ? file->status() : Status(); }
};

Result<Bytes> read_file(FileSystem& files, const std::string& path) {
  TRY_ASSIGN(uint64_t size, files.size(path));
  Bytes bytes;
  if (size == 0) return bytes;
  TRY_ASSIGN(bytes.file, MappedFile::open(path));
  return bytes;
}

std::string folder_of(const std::string& path) {
  std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Written beside, synced and renamed: at `path` is nothing or all of it, but
// for how long, the caller's sync of the folder says.
Status write_file(FileSystem& files, const std::string& path,
                  std::string_view bytes) {
  TRY(files.create_folders(folder_of(path)));
  TRY_ASSIGN(auto file, files.create(path + ".tmp"));
  for (size_t at = 0; at < bytes.size(); at += kChunk) {
    TRY(file->append(bytes.substr(at, kChunk)));
  }
  TRY(file->sync());
  TRY(file->close());
  return files.rename(path + ".tmp", path);
}

// The folders, and those from them up to `root` and what holds that: not all of
// them need be new, but one that is may have been made by a run that failed.
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

// A folder's name without "/" at its end, so that its parent is found.
std::string plain_folder(std::string folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder;
}

// Regular files below `folder`, as relative paths in order.
Result<std::vector<std::string>> files_below(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code code;
  fs::recursive_directory_iterator it(folder, code), end;
  for (; !code && it != end; it.increment(code)) {
    if (!it->is_regular_file()) continue;
    paths.push_back(fs::relative(it->path(), folder).string());
  }
  if (code) {
    return Error{ErrorCode::kIo,
                 "cannot list: " + code.message() + ": " + folder};
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Ids of the backups in the folder, oldest first.
Result<std::vector<std::string>> backup_ids(FileSystem& files,
                                            const std::string& backup) {
  std::vector<std::string> ids;
  TRY_ASSIGN(auto names, files.list(backup));
  for (const std::string& name : names) {
    if (!name.ends_with(kListEnding)) continue;
    ids.push_back(name.substr(0, name.size() - kListEnding.size()));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

Result<std::vector<BackupFile>> read_list(FileSystem& files,
                                          const std::string& backup,
                                          const std::string& id) {
  std::string path = backup + "/" + id + std::string(kListEnding);
  TRY_ASSIGN(Bytes bytes, read_file(files, path));
  std::string text(bytes.view());
  TRY(bytes.status());
  return decode_backup_list(path, text);
}

// One backup being made.
class Creation {
 public:
  Creation(const std::string& source, const std::string& backup,
           FileSystem& files)
      : source_(source), backup_(plain_folder(backup)), files_(files) {}

  Result<BackupStats> run() {
    TRY(files_.create_folders(backup_));
    TRY(know_earlier());
    TRY_ASSIGN(auto paths, files_below(source_));
    std::vector<BackupFile> taken;
    std::set<std::string> folders;
    for (const std::string& path : paths) {
      TRY_ASSIGN(BackupFile file, take(path));
      folders.insert(folder_of(object_of(backup_, file.hash)));
      stats_.bytes += file.bytes;
      ++stats_.files;
      taken.push_back(std::move(file));
    }
    TRY(sync_folders(files_, std::move(folders), backup_));
    stats_.backups = 1;
    TRY(write_file(files_, backup_ + "/" + stats_.id + std::string(kListEnding),
                   encode_backup_list(taken)));
    TRY(files_.sync_folder(backup_));
    return stats_;
  }

 private:
  // Segments of earlier backups, and an id that is after theirs.
  Status know_earlier() {
    TRY_ASSIGN(auto ids, backup_ids(files_, backup_));
    for (const std::string& id : ids) {
      TRY_ASSIGN(auto files, read_list(files_, backup_, id));
      for (BackupFile& file : files) {
        if (file.content == "-") continue;
        std::string key = file.path + " " + file.content;
        segments_.emplace(std::move(key), std::move(file));
      }
    }
    std::string time = to_iso8601(now());
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    time = time.substr(0, time.find('.'));
    stats_.id = time + "Z";
    for (int i = 2; !ids.empty() && stats_.id <= ids.back(); ++i) {
      stats_.id = fmt::format("{}Z_{:06}", time, i);
    }
    return {};
  }

  Result<BackupFile> take(const std::string& path) {
    std::string full = source_ + "/" + path;
    if (!path.ends_with(".seg")) return copy(path, "-");
    TRY_ASSIGN(SealedBytes opened, open_sealed_bytes(full));
    std::string content = fmt::format("{:016x}", opened.footer.content_hash);
    auto known = segments_.find(path + " " + content);
    if (known != segments_.end() && is_kept(known->second) &&
        known->second.bytes == opened.file->size()) {
      return known->second;
    }
    TRY(verify_segment(full));
    return copy(path, content);
  }

  bool is_kept(const BackupFile& file) const {
    auto size = files_.size(object_of(backup_, file.hash));
    return size && *size == file.bytes;
  }

  Result<BackupFile> copy(const std::string& path, std::string content) {
    TRY_ASSIGN(Bytes bytes, read_file(files_, source_ + "/" + path));
    BackupFile file{hash_of(bytes.view()), bytes.view().size(),
                    std::move(content), path};
    TRY(bytes.status());
    if (is_kept(file)) return file;
    TRY(write_file(files_, object_of(backup_, file.hash), bytes.view()));
    TRY(bytes.status());
    ++stats_.new_files;
    stats_.new_bytes += file.bytes;
    return file;
  }

  const std::string source_, backup_;
  FileSystem& files_;
  std::map<std::string, BackupFile> segments_;  // by path and content hash
  BackupStats stats_;
};

// The bytes of a file in the backup, if they are those that were taken.
Result<Bytes> read_object(FileSystem& files, const std::string& backup,
                          const BackupFile& file) {
  std::string path = object_of(backup, file.hash);
  std::error_code code;
  if (!fs::exists(path, code) && !code) {
    return Error{ErrorCode::kCorrupt,
                 "missing in the backup: " + file.path + ", kept as " + path};
  }
  TRY_ASSIGN(Bytes bytes, read_file(files, path));
  bool same =
      bytes.view().size() == file.bytes && hash_of(bytes.view()) == file.hash;
  TRY(bytes.status());
  if (same) return bytes;
  return Error{ErrorCode::kCorrupt,
               "damaged in the backup: " + file.path + ", kept as " + path};
}

Result<std::string> newest(FileSystem& files, const std::string& backup) {
  TRY_ASSIGN(auto ids, backup_ids(files, backup));
  if (!ids.empty()) return ids.back();
  return Error{ErrorCode::kNotFound, "there is no backup in " + backup};
}

Status check_target(const std::string& folder) {
  std::error_code code;
  if (!fs::exists(folder, code)) return {};
  if (fs::is_directory(folder, code) && fs::is_empty(folder, code)) return {};
  return invalid("not an empty folder: " + folder);
}

Status restore_files(FileSystem& files, const std::string& backup,
                     const std::vector<BackupFile>& list,
                     const std::string& folder, BackupStats& stats) {
  std::set<std::string> folders = {folder};
  TRY(files.create_folders(folder));
  for (const BackupFile& file : list) {
    TRY_ASSIGN(Bytes bytes, read_object(files, backup, file));
    std::string path = folder + "/" + file.path;
    TRY(write_file(files, path, bytes.view()));
    TRY(bytes.status());
    folders.insert(folder_of(path));
    stats.bytes += file.bytes;
    ++stats.files;
  }
  return sync_folders(files, std::move(folders), folder);
}

// Gives `from` its name; as it was if that cannot be made durable.
Status move_into_place(FileSystem& files, const std::string& from,
                       const std::string& to) {
  TRY(files.rename(from, to));
  Status synced = files.sync_folder(folder_of(to));
  if (!synced) (void)files.rename(to, from);
  return synced;
}

}  // namespace

Result<BackupStats> create_backup(const std::string& source,
                                  const std::string& backup,
                                  FileSystem& files) {
  return Creation(source, backup, files).run();
}

Result<BackupStats> verify_backup(const std::string& backup,
                                  const std::string& id) {
  FileSystem& files = real_file_system();
  std::vector<std::string> ids = {id};
  if (id.empty()) {
    TRY(newest(files, backup));
    TRY_ASSIGN(ids, backup_ids(files, backup));
  }
  BackupStats stats;
  std::set<std::string> seen;
  for (const std::string& one : ids) {
    TRY_ASSIGN(auto list, read_list(files, backup, one));
    for (const BackupFile& file : list) {
      ++stats.files;
      stats.bytes += file.bytes;
      if (seen.insert(file.hash).second) TRY(read_object(files, backup, file));
    }
    ++stats.backups;
    stats.id = one;
  }
  return stats;
}

Result<BackupStats> restore_backup(const std::string& backup,
                                   const std::string& id,
                                   const std::string& folder,
                                   FileSystem& files) {
  TRY(check_target(folder));
  BackupStats stats;
  stats.id = id;
  if (id.empty()) {
    TRY_ASSIGN(stats.id, newest(files, backup));
  }
  TRY_ASSIGN(auto list, read_list(files, backup, stats.id));
  std::string place = plain_folder(folder), beside = place + ".restoring";
  std::error_code ignored;
  fs::remove_all(beside, ignored);  // of a restore that was broken off
  Status restored = restore_files(files, backup, list, beside, stats);
  if (restored) restored = move_into_place(files, beside, place);
  if (!restored) {
    fs::remove_all(beside, ignored);
    return restored.error();
  }
  return stats;
}

}  // namespace freshet
