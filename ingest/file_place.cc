#include "ingest/file_place.h"

#include <absl/strings/ascii.h>

#include "ingest/local_folder.h"
#include "ingest/remote_place.h"
#include "segments/time.h"

namespace freshet {

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

std::string older_name(const std::string& name) {
  std::string time = to_iso8601(now());  // some servers allow no colons
  std::erase_if(time, [](char c) { return !absl::ascii_isalnum(c); });
  return time + " " + name;
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
  return open_local_folder(std::move(folder), std::move(pattern),
                           settings.after);
}

}  // namespace freshet
