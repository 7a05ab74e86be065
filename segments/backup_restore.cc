// A backup made a data folder again. All of it is first written below
// BASE/.freshet-restore-N/data and then moved to its place: by one rename if
// the place is absent (BASE is what holds it), child by child if it is an empty
// folder (BASE is that folder, which may be a mount point, a link or "."), the
// metadata last, without which it is no data folder.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include "segments/backup.h"
#include "segments/backup_folder.h"
#include "segments/failpoint.h"
#include "segments/file_lock.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWorkPrefix = ".freshet-restore-";
// In a work folder; locked by whoever works there.
constexpr std::string_view kMarker = "/freshet-restore";
constexpr std::string_view kMarkerText = "freshet-restore 1\n";
constexpr std::string_view kMetadata = "metadata";

// Whether a restore made the folder, of this process or another.
bool is_work_folder(const std::string& path) {
  std::error_code code;
  if (!fs::is_regular_file(path + std::string(kMarker), code)) return false;
  auto bytes = read_file_bytes(real_file_system(), path + std::string(kMarker));
  return bytes && bytes->view() == kMarkerText;
}

// Removes a work folder unless a restore is at work in it.
Status remove_work_folder(const std::string& path) {
  TRY_ASSIGN(FileLock lock, FileLock::take(path + std::string(kMarker)));
  std::error_code ignored;
  fs::remove_all(path, ignored);
  return {};
}

// What is in a folder that a restore would go to, or beside it.
struct Found {
  std::vector<std::string> work_folders;
  bool others = false, metadata = false;
};

Result<Found> look_into(const std::string& folder) {
  Found found;
  TRY_ASSIGN(auto names, real_file_system().list(folder));
  for (const std::string& name : names) {
    std::string path = folder + "/" + name;
    std::error_code code;
    if (name.starts_with(kWorkPrefix) && is_work_folder(path)) {
      found.work_folders.push_back(std::move(path));
    } else if (name != "lost+found" || !fs::is_directory(path, code)) {
      found.others = true;  // a new file system has that one
    }
    found.metadata |= name == kMetadata;
  }
  return found;
}

// Makes sure that the folder has nothing but what a broken-off restore left,
// and removes that.
Status empty_place(const std::string& place) {
  TRY_ASSIGN(Found found, look_into(place));
  if (found.others && !found.metadata && !found.work_folders.empty()) {
    return invalid(
        "a restore was broken off here while its files were moved to their "
        "places; empty the folder first: " +
        place);
  }
  if (found.others) return invalid("not an empty folder: " + place);
  for (const std::string& path : found.work_folders) {
    Status removed = remove_work_folder(path);
    if (removed || removed.error().code != ErrorCode::kConflict) continue;
    return Error{ErrorCode::kConflict, "another restore writes to " + place};
  }
  return {};
}

// Removes what restores to places in the folder left.
void remove_broken_off(const std::string& folder) {
  auto found = look_into(folder);
  if (!found) return;  // it need not be ours to look into
  for (const std::string& path : found->work_folders) {
    (void)remove_work_folder(path);  // or it is in use
  }
}

// Whether the place is there, an empty folder then.
Result<bool> prepare_place(const std::string& place) {
  std::error_code code;
  if (fs::is_directory(place, code)) {
    TRY(empty_place(place));
    return true;
  }
  if (fs::is_symlink(place, code) && !fs::exists(place, code)) {
    return invalid("a symbolic link that leads nowhere: " + place);
  }
  if (fs::exists(place, code)) return invalid("not an empty folder: " + place);
  return false;
}

// The folder that a restore works in: BASE/.freshet-restore-N, a name that
// nothing else has, gone with the object.
class WorkFolder {
 public:
  static Result<WorkFolder> make(const std::string& base) {
    std::error_code code;
    std::string path;
    for (int i = 1; !code; ++i) {
      path = base + "/" + std::string(kWorkPrefix) + std::to_string(i);
      if (fs::create_directory(path, code)) break;
    }
    if (code) {
      return Error{ErrorCode::kIo,
                   "cannot create folder: " + code.message() + ": " + path};
    }
    std::string marker = path + std::string(kMarker);
    TRY_ASSIGN(FileLock lock, FileLock::take(marker));
    TRY_ASSIGN(auto file, real_file_system().create(marker));
    TRY(file->append(kMarkerText));
    TRY(file->sync());
    return WorkFolder(std::move(path), std::move(lock));
  }
  ~WorkFolder() {
    std::error_code ignored;
    if (lock_) fs::remove_all(path_, ignored);
  }
  WorkFolder(WorkFolder&& other) noexcept
      : path_(std::move(other.path_)),
        lock_(std::exchange(other.lock_, std::nullopt)) {}
  WorkFolder& operator=(WorkFolder&&) = delete;

  std::string data() const { return path_ + "/data"; }
  // Leaves it to tell why there are files at the place.
  void keep() { lock_.reset(); }

 private:
  WorkFolder(std::string path, FileLock lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  std::optional<FileLock> lock_;
};

Status restore_files(FileSystem& files, const std::string& backup,
                     const std::vector<BackupFile>& list,
                     const std::string& folder, BackupStats& stats) {
  std::set<std::string> folders = {folder};
  TRY(files.create_folders(folder));
  for (const BackupFile& file : list) {
    TRY_ASSIGN(FileBytes bytes, read_backup_object(files, backup, file));
    std::string path = folder + "/" + file.path;
    TRY(write_whole_file(files, path, bytes.view()));
    TRY(bytes.status());
    failpoint("restore.file");
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

// Moves what is in one folder to another that is empty.
class Move {
 public:
  Move(FileSystem& files, std::string from, std::string to)
      : files_(files), from_(std::move(from)), to_(std::move(to)) {}

  Status run() {
    TRY_ASSIGN(auto names, files_.list(from_));
    std::ranges::stable_partition(
        names, [](const std::string& name) { return name != kMetadata; });
    for (const std::string& name : names) {
      if (name == kMetadata) {
        failpoint("restore.before_metadata");
        TRY(files_.sync_folder(to_));  // what it names is there before it is
      }
      TRY(move(name));
    }
    return files_.sync_folder(to_);
  }

  // Moves back what was moved, the last first; false if that failed.
  bool undo() {
    for (; !moved_.empty(); moved_.pop_back()) {
      std::string path = "/" + moved_.back();
      if (!files_.rename(to_ + path, from_ + path)) return false;
    }
    return true;
  }

 private:
  Status move(const std::string& name) {
    std::error_code code;
    std::string to = to_ + "/" + name;
    if (fs::exists(fs::symlink_status(to, code))) {
      return invalid("made by somebody else meanwhile: " + to);
    }
    TRY(files_.rename(from_ + "/" + name, to));
    moved_.push_back(name);
    return {};
  }

  FileSystem& files_;
  const std::string from_, to_;
  std::vector<std::string> moved_;
};

}  // namespace

Result<BackupStats> restore_backup(const std::string& backup,
                                   const std::string& id,
                                   const std::string& folder,
                                   FileSystem& files) {
  const std::string place = plain_folder(folder);
  TRY_ASSIGN(bool there, prepare_place(place));
  BackupStats stats;
  stats.id = id;
  if (id.empty()) {
    TRY_ASSIGN(stats.id, newest_backup(files, backup));
  }
  TRY_ASSIGN(auto list, read_backup_list(files, backup, stats.id));
  const std::string base = there ? place : folder_of(place);
  if (!there) {
    TRY(files.create_folders(base));
    remove_broken_off(base);
  }
  TRY_ASSIGN(WorkFolder work, WorkFolder::make(base));
  TRY(restore_files(files, backup, list, work.data(), stats));
  if (!there) {
    TRY(move_into_place(files, work.data(), place));
    return stats;
  }
  Move move(files, work.data(), place);
  Status moved = move.run();
  if (moved) return stats;
  if (!move.undo()) work.keep();
  return moved.error();
}

}  // namespace freshet
