#include "ingest/file_place.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "ingest/remote_place.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

Error folder_error(const std::string& folder, const std::error_code& error) {
  bool gone = error == std::errc::no_such_file_or_directory;
  return Error{gone ? ErrorCode::kNotFound : ErrorCode::kIo,
               fmt::format("the folder cannot be read ({}): {}",
                           error.message(), folder)};
}

class LocalFolder final : public FilePlace {
 public:
  LocalFolder(std::string folder, std::string pattern,
              FilePlaceSettings::After after)
      : folder_(std::move(folder)),
        pattern_(std::move(pattern)),
        after_(after) {}

  Result<std::vector<PlacedFile>> list() override {
    std::error_code error;
    fs::directory_iterator at(folder_, error);
    if (error) return folder_error(folder_, error);
    std::vector<PlacedFile> files;
    for (; at != fs::directory_iterator(); at.increment(error)) {
      std::string name = at->path().filename().string();
      // A name with a dot in front is a file on its way (rsync, editors).
      if (name.starts_with('.') || !fits_pattern(name, pattern_)) continue;
      if (auto file = look_at(name)) files.push_back(std::move(*file));
    }
    if (error) return folder_error(folder_, error);
    std::ranges::sort(files, {}, &PlacedFile::name);
    return files;
  }
  Result<std::string> fetch(const PlacedFile& file) override {
    std::error_code error;
    const std::string path = folder_ + "/" + file.name;
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
    if (look_at(file.name) == file) return {};
    return Error{
        ErrorCode::kUnavailable,
        "the file changed while it was read: " + folder_ + "/" + file.name};
  }
  void release(const std::string&) override {}
  Status finish(const PlacedFile& file) override {
    using After = FilePlaceSettings::After;
    std::string path = folder_ + "/" + file.name;
    std::error_code error;
    if (after_ == After::kDelete) {
      fs::remove(path, error);
    } else if (after_ == After::kMove) {
      const std::string done = folder_ + "/done/";
      fs::create_directory(done, error);
      if (!error && fs::exists(done + file.name, error)) {
        fs::rename(done + file.name, done + older_name(file.name), error);
      }
      if (!error) fs::rename(path, done + file.name, error);
      if (error == std::errc::no_such_file_or_directory) error.clear();
    }
    if (!error) return {};
    return Error{ErrorCode::kIo,
                 fmt::format("the loaded file cannot be put away ({}): {}",
                             error.message(), path)};
  }

 private:
  // Nothing if it is no file (any more).
  std::optional<PlacedFile> look_at(const std::string& name) const {
    struct stat info;
    if (::stat((folder_ + "/" + name).c_str(), &info) != 0) return {};
    if (!S_ISREG(info.st_mode)) return {};
    return PlacedFile{
        name, static_cast<uint64_t>(info.st_size),
        fmt::format("{}.{:09}", info.st_mtim.tv_sec, info.st_mtim.tv_nsec)};
  }

  const std::string folder_, pattern_;
  const FilePlaceSettings::After after_;
};

}  // namespace

bool fits_pattern(std::string_view name, std::string_view pattern) {
  size_t n = 0, p = 0;
  size_t star = std::string_view::npos, star_n = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n]) &&
        pattern[p] != '*') {
      ++n;
      ++p;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_n = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_n;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void split_place(std::string_view path, std::string& folder,
                 std::string& pattern) {
  size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    folder = ".";
    pattern = path;
    return;
  }
  folder = slash == 0 ? "/" : path.substr(0, slash);
  pattern = path.substr(slash + 1);
}

Result<std::unique_ptr<FilePlace>> FilePlace::open(FilePlaceSettings settings,
                                                   std::string scratch) {
  if (settings.path.find("://") != std::string::npos) {
    return open_remote_place(std::move(settings), std::move(scratch));
  }
  std::string folder, pattern;
  split_place(settings.path, folder, pattern);
  if (pattern.empty()) pattern = "*";
  if (folder.find_first_of("*?") != std::string::npos) {
    return invalid("a pattern may only stand in the name of the files: " +
                   settings.path);
  }
  return std::unique_ptr<FilePlace>(std::make_unique<LocalFolder>(
      std::move(folder), std::move(pattern), settings.after));
}

}  // namespace freshet
