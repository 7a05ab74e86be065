// What servers answer when they are asked which files there are.
#include <fmt/format.h>

#include <algorithm>

#include "ingest/field_value.h"
#include "ingest/remote_place.h"
#include "ingest/xml_records.h"

namespace freshet {
namespace {

std::string_view next_line(std::string_view& text) {
  size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool read_size(std::string_view text, uint64_t& size) {
  int64_t number = 0;
  if (!parse_exact(text, 0, false, number) || number < 0) return false;
  size = static_cast<uint64_t>(number);
  return true;
}

}  // namespace

Result<std::vector<PlacedFile>> read_mlsd(std::string_view answer) {
  std::vector<PlacedFile> files;
  while (!answer.empty()) {
    std::string_view line = next_line(answer);
    size_t space = line.find("; ");
    if (line.empty()) continue;
    if (space == std::string_view::npos) {
      return invalid("not a line of MLSD: " + shorten(line));
    }
    PlacedFile file;
    file.name = line.substr(space + 2);
    bool plain = false;
    std::string_view facts = line.substr(0, space + 1);
    for (size_t end; (end = facts.find(';')) != std::string_view::npos;) {
      std::string_view fact = facts.substr(0, end);
      facts.remove_prefix(end + 1);
      std::string key(fact.substr(0, fact.find('=')));
      std::string_view value =
          fact.substr(std::min(key.size() + 1, fact.size()));
      std::ranges::transform(key, key.begin(), [](char c) { return c | 0x20; });
      if (key == "type") plain = value == "file";
      if (key == "size" && !read_size(value, file.size)) plain = false;
      if (key == "modify") file.version = value;
    }
    if (plain) files.push_back(std::move(file));
  }
  return files;
}

std::vector<PlacedFile> read_long_list(std::string_view answer) {
  std::vector<PlacedFile> files;
  while (!answer.empty()) {
    // -rw-r--r--    1 root     root         1234 Nov 22 03:38 name with blanks
    std::string_view line = next_line(answer);
    if (!line.starts_with('-')) continue;
    constexpr size_t kColumns = 8;
    std::string_view columns[kColumns];
    size_t at = 0;
    for (auto& column : columns) {
      at = std::min(line.find_first_not_of(' ', at), line.size());
      size_t end = std::min(line.find(' ', at), line.size());
      column = line.substr(at, end - at);
      at = end;
    }
    PlacedFile file;
    if (at + 1 >= line.size() || !read_size(columns[4], file.size)) continue;
    file.name = line.substr(at + 1);
    file.version = fmt::format("{} {} {}", columns[5], columns[6], columns[7]);
    files.push_back(std::move(file));
  }
  return files;
}

Result<std::vector<PlacedFile>> read_s3_list(std::string_view answer,
                                             std::string_view prefix,
                                             std::string& next) {
  std::vector<PlacedFile> files;
  next.clear();
  auto text = [](EventTree& tree, std::string_view name) {
    const EventNode* node = tree.child(*tree.root(), name);
    return node == nullptr ? std::string_view() : node->text;
  };
  TRY_ASSIGN(
      auto contents,
      XmlRecords::make("/ListBucketResult/Contents",
                       [&](EventTree& record, EventTree&) -> Status {
                         std::string_view key = text(record, "Key");
                         PlacedFile file;
                         if (!key.starts_with(prefix) ||
                             !read_size(text(record, "Size"), file.size)) {
                           return {};
                         }
                         file.name = key.substr(prefix.size());
                         file.version = text(record, "ETag");
                         files.push_back(std::move(file));
                         return {};
                       }));
  TRY(contents->push(answer, true));
  TRY_ASSIGN(auto result,
             XmlRecords::make("/ListBucketResult",
                              [&](EventTree& record, EventTree&) -> Status {
                                if (text(record, "IsTruncated") == "true") {
                                  next = text(record, "NextContinuationToken");
                                }
                                return {};
                              }));
  TRY(result->push(answer, true));
  return files;
}

}  // namespace freshet
