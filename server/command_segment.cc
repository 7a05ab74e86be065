// freshet segment list|dump|verify: looks into segment files, also those of a
// running server (they never change).
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "segments/sealed_segment.h"
#include "server/command.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// The segment files at `path`: itself, or all below it.
Result<std::vector<std::string>> segment_files(const std::string& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return std::vector{path};
  if (!fs::is_directory(path, error)) {
    return Error{ErrorCode::kNotFound, "no such file or folder: " + path};
  }
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(path, error), end;
       !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".seg") files.push_back(it->path());
  }
  if (error) return Error{ErrorCode::kIo, path + ": " + error.message()};
  std::sort(files.begin(), files.end());
  return files;
}

int list(const std::vector<std::string>& files) {
  fmt::print("{:>10} {:>12}  {:<24} {:<24} {}\n", "rows", "bytes", "from", "to",
             "file");
  int code = kExitDone;
  for (const std::string& file : files) {
    auto segment = open_segment(file);
    if (!segment) {
      code = report_error(segment.error());
      continue;
    }
    Interval range = (*segment)->time_range();
    fmt::print("{:>10} {:>12}  {:<24} {:<24} {}\n", (*segment)->num_rows(),
               (*segment)->size_bytes(), to_iso8601(range.start),
               to_iso8601(range.end), file);
  }
  return code;
}

int verify(const std::vector<std::string>& files) {
  int code = kExitDone;
  for (const std::string& file : files) {
    Status verified = verify_segment(file);
    if (verified) {
      fmt::print("{}: good\n", file);
    } else {
      code = report_error(verified.error());
    }
  }
  return code;
}

int dump(const std::vector<std::string>& files, uint32_t rows) {
  for (const std::string& file : files) {
    auto text = dump_segment(file, rows);
    if (!text) return report_error(text.error());
    std::fwrite(text->data(), 1, text->size(), stdout);
  }
  return kExitDone;
}

}  // namespace

int command_segment(const std::string& verb, const std::string& path,
                    uint32_t rows) {
  auto files = segment_files(path);
  if (!files) return report_error(files.error());
  if (verb == "list") return list(*files);
  if (verb == "verify") return verify(*files);
  return dump(*files, rows);
}

}  // namespace freshet
