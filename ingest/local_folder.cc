// A file is put away in two steps: it moves into a folder of its own, where no
// other can take its place, and if it is the one that was read then from there
// to "done" or out of the world; otherwise back.
#include "ingest/local_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>

namespace freshet {
namespace {

namespace fs = std::filesystem;

// In front of the names of folders for files that are being put away.
constexpr std::string_view kLeaving = ".leaving-";

Error folder_error(const std::string& folder, const std::error_code& error) {
  bool gone = error == std::errc::no_such_file_or_directory;
  return Error{gone ? ErrorCode::kNotFound : ErrorCode::kIo,
               fmt::format("the folder cannot be read ({}): {}",
                           error.message(), folder)};
}

// A folder that this user made: no link, which might lead anywhere.
class OwnFolder {
 public:
  explicit OwnFolder(const std::string& path) {
    int file =
        ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return;
    struct stat info;
    if (::fstat(file, &info) == 0 && info.st_uid == ::geteuid()) {
      entries_ = ::fdopendir(file);
    }
    if (entries_ == nullptr) ::close(file);
  }
  ~OwnFolder() {
    if (entries_ != nullptr) ::closedir(entries_);
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;

  // Those of its files; none if it is not one's own.
  std::vector<std::string> names() {
    std::vector<std::string> names;
    while (entries_ != nullptr) {
      const dirent* entry = ::readdir(entries_);
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (!name.starts_with('.')) names.push_back(std::move(name));
    }
    return names;
  }
  // To the path `to`, unless something is there. Not every file system can do
  // that by a rename.
  bool move_out(const std::string& name, const std::string& to) {
    const int here = ::dirfd(entries_);
    int failed =
        ::renameat2(here, name.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
    if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {
      failed = ::linkat(here, name.c_str(), AT_FDCWD, to.c_str(), 0);
      if (failed == 0) failed = ::unlinkat(here, name.c_str(), 0);
    }
    return failed == 0;
  }

 private:
  DIR* entries_ = nullptr;
};

class LocalFolder final : public FilePlace {
 public:
  using After = FilePlaceSettings::After;

  LocalFolder(std::string folder, std::string pattern, After after)
      : folder_(std::move(folder)),
        pattern_(std::move(pattern)),
        after_(after),
        waiting_(after != After::kKeep) {}

  Result<std::vector<PlacedFile>> list() override {
    if (waiting_) put_all_back();
    std::error_code error;
    fs::directory_iterator at(folder_, error);
    if (error) return folder_error(folder_, error);
    std::vector<PlacedFile> files;
    for (; at != fs::directory_iterator(); at.increment(error)) {
      std::string name = at->path().filename().string();
      // A name with a dot in front is a file on its way (rsync, editors).
      if (name.starts_with('.') || !fits_pattern(name, pattern_)) continue;
      if (auto file = look_at(place_of(name), name)) {
        files.push_back(std::move(*file));
      }
    }
    if (error) return folder_error(folder_, error);
    std::ranges::sort(files, {}, &PlacedFile::name);
    return files;
  }
  Result<std::string> fetch(const PlacedFile& file) override {
    std::error_code error;
    const std::string path = place_of(file.name);
    const fs::path real = fs::canonical(path, error);
    const fs::path inside = error ? fs::path() : fs::canonical(folder_, error);
    if (error) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("the file cannot be read ({}): {}",
                               error.message(), path)};
    }
    if (std::ranges::mismatch(inside, real).in1 != inside.end()) {
      return invalid("it is a link that leads out of the folder: " + path);
    }
    if (real.extension() != fs::path(path).extension()) {
      return invalid("it is a link to a file whose name ends otherwise: " +
                     path);
    }
    return real.string();
  }
  Status unchanged(const PlacedFile& file) override {
    const std::string path = place_of(file.name);
    if (look_at(path, file.name) == file) return {};
    return Error{ErrorCode::kUnavailable,
                 "the file changed while it was read: " + path};
  }
  void release(const std::string&) override {}
  Status finish(const PlacedFile& file) override {
    if (after_ == After::kKeep) return {};
    std::error_code error;
    if (after_ == After::kMove) fs::create_directory(place_of("done"), error);
    std::string aside = place_of(std::string(kLeaving) + "XXXXXX");
    if (!error && ::mkdtemp(aside.data()) == nullptr) {
      error = {errno, std::generic_category()};
    }
    if (!error) {
      take_away(file, aside, error);
      if (!put_back(aside)) {
        waiting_ = true;
        spdlog::warn("a file waits until its name is free: {}", aside);
      }
    }
    if (!error) return {};
    return Error{ErrorCode::kIo,
                 fmt::format("the loaded file cannot be put away ({}): {}",
                             error.message(), place_of(file.name))};
  }

 private:
  std::string place_of(const std::string& name) const {
    return folder_ + "/" + name;
  }

  void take_away(const PlacedFile& file, const std::string& aside,
                 std::error_code& error) {
    const std::string taken = aside + "/" + file.name;
    fs::rename(place_of(file.name), taken, error);
    if (error == std::errc::no_such_file_or_directory) error.clear();
    if (error || look_at(taken, file.name) != file) return;
    if (after_ == After::kDelete) {
      fs::remove(taken, error);
      return;
    }
    const std::string done = place_of("done/");
    if (fs::exists(done + file.name, error)) {
      fs::rename(done + file.name, done + older_name(file.name), error);
    }
    if (!error) fs::rename(taken, done + file.name, error);
  }

  // What lies in `aside`. False if another one has its name meanwhile: it waits
  // there until the name is free.
  bool put_back(const std::string& aside) {
    OwnFolder from(aside);
    bool all = true;
    for (const std::string& name : from.names()) {
      if (!fits_pattern(name, pattern_)) continue;
      all &= from.move_out(name, place_of(name));
    }
    ::rmdir(aside.c_str());  // which fails if something waits there
    return all;
  }

  // What waits, and what a crash left.
  void put_all_back() {
    std::error_code error;
    std::vector<std::string> aside;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end;
         at.increment(error)) {
      std::string name = at->path().filename().string();
      if (name.starts_with(kLeaving)) aside.push_back(place_of(name));
    }
    waiting_ = false;
    for (const std::string& folder : aside) waiting_ |= !put_back(folder);
  }

  // Nothing if it is no file (any more). A link leads where it would from its
  // place, wherever it lies now.
  std::optional<PlacedFile> look_at(const std::string& path,
                                    const std::string& name) const {
    std::error_code error;
    const fs::path link = fs::read_symlink(path, error);
    const fs::path file = error ? fs::path(path) : fs::path(folder_) / link;
    struct stat info;
    if (::stat(file.c_str(), &info) != 0) return {};
    if (!S_ISREG(info.st_mode)) return {};
    return PlacedFile{name, static_cast<uint64_t>(info.st_size),
                      fmt::format("{}.{:09} {}", info.st_mtim.tv_sec,
                                  info.st_mtim.tv_nsec, info.st_ino)};
  }

  const std::string folder_, pattern_;
  const After after_;
  bool waiting_;  // something may lie aside
};

}  // namespace

std::unique_ptr<FilePlace> open_local_folder(std::string folder,
                                             std::string pattern,
                                             FilePlaceSettings::After after) {
  return std::make_unique<LocalFolder>(std::move(folder), std::move(pattern),
                                       after);
}

}  // namespace freshet
