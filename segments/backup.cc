// Backups made and verified; restored: backup_restore.cc.
#include "segments/backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "segments/backup_folder.h"
#include "segments/file_lock.h"
#include "segments/sealed_file.h"
#include "segments/sealed_segment.h"
#include "segments/time.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// Files below `folder`, as paths below it in order: whatever a link leads to,
// it is a file of the folder. What can be no file must not be left out.
Result<std::vector<std::string>> files_below(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code code;
  fs::recursive_directory_iterator end,
      it(folder, fs::directory_options::follow_directory_symlink, code);
  for (; !code && it != end; it.increment(code)) {
    if (it->is_directory(code)) continue;
    if (!it->is_regular_file(code)) {
      return Error{ErrorCode::kCorrupt,
                   "neither a file nor a folder: " + it->path().string()};
    }
    paths.push_back(it->path().lexically_relative(folder).string());
  }
  if (code) {
    return Error{ErrorCode::kIo,
                 "cannot list: " + code.message() + ": " + folder};
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// `now` as an id, or one that is after `newest` when the clock is not.
std::string id_after(const std::string& newest) {
  std::string id = to_iso8601(now());
  std::erase_if(id, [](char c) { return c == '-' || c == ':'; });
  id = id.substr(0, id.find('.')) + "Z";
  if (id > newest) return id;
  std::string_view time = std::string_view(newest).substr(0, id.size());
  std::string_view digits = std::string_view(newest).substr(id.size());
  int number = 1;
  if (!digits.empty()) {
    std::from_chars(digits.data() + 1, digits.data() + digits.size(), number);
  }
  return fmt::format("{}_{:06}", time, number + 1);
}

// One writer at a time: ids and temporary names are its own.
Result<FileLock> lock_backup(const std::string& backup) {
  auto lock = FileLock::take(backup + "/lock");
  if (!lock && lock.error().code == ErrorCode::kConflict) {
    return Error{ErrorCode::kConflict,
                 "another backup is being written to " + backup};
  }
  return lock;
}

// One backup being made.
class Creation {
 public:
  Creation(const std::string& source, const std::string& backup,
           FileSystem& files)
      : source_(source), backup_(plain_folder(backup)), files_(files) {}

  Result<BackupStats> run() {
    TRY(files_.create_folders(backup_));
    TRY_ASSIGN(FileLock lock, lock_backup(backup_));
    TRY(know_earlier());
    TRY_ASSIGN(auto paths, files_below(source_));
    std::vector<BackupFile> taken;
    std::set<std::string> folders;
    for (const std::string& path : paths) {
      TRY_ASSIGN(BackupFile file, take(path));
      folders.insert(folder_of(backup_object(backup_, file.hash)));
      stats_.bytes += file.bytes;
      ++stats_.files;
      taken.push_back(std::move(file));
    }
    TRY(sync_folders(files_, std::move(folders), backup_));
    stats_.backups = 1;
    TRY(write_list(taken));
    return stats_;
  }

 private:
  // Segments of earlier backups, and an id that is after theirs. A list that
  // cannot be read costs what it would have spared, not the new backup.
  Status know_earlier() {
    TRY_ASSIGN(auto names, backup_names(files_, backup_));
    std::string newest;
    for (const std::string& name : names) {
      if (is_backup_id(name)) newest = name;
      auto files = read_backup_list(files_, backup_, name);
      if (!files) {
        stats_.warnings.push_back(files.error().message);
        continue;
      }
      for (BackupFile& file : *files) {
        if (file.content == "-") continue;
        std::string key = file.path + " " + file.content;
        segments_.emplace(std::move(key), std::move(file));
      }
    }
    stats_.id = id_after(newest);
    return {};
  }

  Status write_list(const std::vector<BackupFile>& taken) {
    std::string path =
        backup_ + "/" + stats_.id + std::string(kBackupListEnding);
    std::string text = encode_backup_list(taken);
    TRY(decode_backup_list(path, text));  // or nobody could restore it
    TRY(write_whole_file(files_, path, text));
    return files_.sync_folder(backup_);
  }

  Result<BackupFile> take(const std::string& path) {
    std::string full = source_ + "/" + path;
    if (!path.ends_with(".seg")) return copy(path, "-");
    TRY_ASSIGN(SealedBytes opened, open_sealed_bytes(full));
    std::string content = fmt::format("{:016x}", opened.footer.content_hash);
    auto known = segments_.find(path + " " + content);
    if (known != segments_.end() &&
        known->second.bytes == opened.file->size() && is_kept(known->second)) {
      return known->second;
    }
    TRY(verify_segment(full));
    return copy(path, content);
  }

  // Whether the object is there and whole: all of it is read, since the backup
  // is only as good as what it shares with earlier ones. One that is damaged
  // is written anew by who asks.
  bool is_kept(const BackupFile& file) {
    auto [kept, is_new] = kept_.try_emplace(file.hash, false);
    std::error_code code;
    if (!is_new || !fs::exists(backup_object(backup_, file.hash), code)) {
      return kept->second;
    }
    auto bytes = read_backup_object(files_, backup_, file);
    kept->second = bytes.has_value();
    if (!bytes) {
      stats_.warnings.push_back("written anew: " + bytes.error().message);
    }
    return kept->second;
  }

  Result<BackupFile> copy(const std::string& path, std::string content) {
    TRY_ASSIGN(FileBytes bytes, read_file_bytes(files_, source_ + "/" + path));
    BackupFile file{backup_hash(bytes.view()), bytes.view().size(),
                    std::move(content), path};
    TRY(bytes.status());
    if (is_kept(file)) return file;
    TRY(write_whole_file(files_, backup_object(backup_, file.hash),
                         bytes.view()));
    TRY(bytes.status());
    kept_[file.hash] = true;
    ++stats_.new_files;
    stats_.new_bytes += file.bytes;
    return file;
  }

  const std::string source_, backup_;
  FileSystem& files_;
  std::map<std::string, BackupFile> segments_;  // by path and content hash
  std::map<std::string, bool> kept_;            // by hash; of objects looked at
  BackupStats stats_;
};

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
    TRY(newest_backup(files, backup));
    TRY_ASSIGN(ids, backup_names(files, backup));
  }
  BackupStats stats;
  std::set<std::string> seen;
  for (const std::string& one : ids) {
    TRY_ASSIGN(auto list, read_backup_list(files, backup, one));
    for (const BackupFile& file : list) {
      ++stats.files;
      stats.bytes += file.bytes;
      if (!seen.insert(file.hash).second) continue;
      TRY(read_backup_object(files, backup, file));
    }
    ++stats.backups;
    stats.id = one;
  }
  return stats;
}

}  // namespace freshet
