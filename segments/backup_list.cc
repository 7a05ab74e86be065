#include "segments/backup_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "segments/file_format.h"

namespace freshet {
namespace {

constexpr std::string_view kFirstLine = "freshet-backup 1\n";

bool is_hash(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// A relative path that stays below its folder.
bool is_inside(std::string_view path) {
  for (bool more = true; more;) {
    size_t end = std::min(path.find('/'), path.size());
    std::string_view name = path.substr(0, end);
    if (name.empty() || name == "." || name == "..") return false;
    more = end < path.size();
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

std::string_view take_word(std::string_view& line) {
  size_t end = std::min(line.find(' '), line.size());
  std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

bool read_file_line(std::string_view line, BackupFile& file) {
  if (take_word(line) != "file") return false;
  file.hash = take_word(line);
  std::string_view bytes = take_word(line);
  file.content = take_word(line);
  file.path = line;
  auto parsed =
      std::from_chars(bytes.data(), bytes.data() + bytes.size(), file.bytes);
  return parsed.ec == std::errc() && parsed.ptr == bytes.end() &&
         is_hash(file.hash) && !file.content.empty() && is_inside(file.path);
}

std::string last_line(size_t files, std::string_view before) {
  return fmt::format("end {} {:016x}\n", files, checksum_of(before));
}

}  // namespace

std::string encode_backup_list(const std::vector<BackupFile>& files) {
  std::string text(kFirstLine);
  for (const BackupFile& file : files) {
    text += fmt::format("file {} {} {} {}\n", file.hash, file.bytes,
                        file.content, file.path);
  }
  return text + last_line(files.size(), text);
}

Result<std::vector<BackupFile>> decode_backup_list(const std::string& path,
                                                   std::string_view text) {
  Error damaged{ErrorCode::kCorrupt, "damaged list of a backup: " + path};
  if (text.starts_with("freshet-backup ") && !text.starts_with(kFirstLine)) {
    return Error{ErrorCode::kUnsupported,
                 "list of a backup of an unknown version: " + path};
  }
  size_t end = text.rfind("end ");
  if (!text.starts_with(kFirstLine) || end == std::string_view::npos) {
    return damaged;
  }
  std::vector<BackupFile> files;
  for (size_t at = kFirstLine.size(); at < end;) {
    size_t line_end = text.find('\n', at);
    if (line_end == std::string_view::npos || line_end >= end ||
        !read_file_line(text.substr(at, line_end - at), files.emplace_back())) {
      return damaged;
    }
    at = line_end + 1;
  }
  if (text.substr(end) != last_line(files.size(), text.substr(0, end))) {
    return damaged;
  }
  return files;
}

}  // namespace freshet
