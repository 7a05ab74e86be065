// freshet segment list|dump|verify: looks into segment files, also those of a
// running server (they never change).
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "segments/metadata_store.h"
#include "segments/sealed_segment.h"
#include "server/command.h"
#include "server/command_output.h"

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
  print_output("{:>10} {:>12}  {:<24} {:<24} {}\n", "rows", "bytes", "from",
               "to", "file");
  int code = kExitDone;
  for (const std::string& file : files) {
    auto segment = open_segment(file);
    if (!segment) {
      code = report_error(segment.error());
      continue;
    }
    Interval range = (*segment)->time_range();
    print_output("{:>10} {:>12}  {:<24} {:<24} {}\n", (*segment)->num_rows(),
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
      print_output("{}: good\n", file);
    } else if (std::error_code error; !fs::exists(file, error) && !error) {
      // A running server has merged it away since the folder was listed.
    } else {
      code = report_error(verified.error());
    }
  }
  return code;
}

// The data folder of which `path` is all or all segments; empty if it is none.
std::string data_folder_of(const std::string& path) {
  std::error_code error;
  fs::path plain = fs::absolute(path, error).lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  for (const fs::path& data : {plain, plain.parent_path()}) {
    bool is_whole = data == plain || plain.filename() == "segments";
    if (is_whole && fs::exists(data / "metadata/CURRENT", error)) return data;
  }
  return "";
}

// What the metadata of a data folder lists at this moment.
Result<std::vector<SegmentRecord>> committed_segments(const std::string& data) {
  TRY_ASSIGN(auto metadata, MetadataStore::open_to_read(data + "/metadata"));
  TRY_ASSIGN(std::set<std::string> names, datasets_of(*metadata));
  std::vector<SegmentRecord> all;
  for (const std::string& name : names) {
    TRY_ASSIGN(auto records, metadata->segments(name));
    std::move(records.begin(), records.end(), std::back_inserter(all));
  }
  return all;
}

// Nothing if the record's file is there and is the one that was committed.
std::optional<Error> fault_of(const std::string& data,
                              const SegmentRecord& record) {
  std::string path = data + "/segments/" + record.file;
  std::error_code error;
  if (!fs::exists(path, error)) {
    return Error{ErrorCode::kCorrupt,
                 path + ": the file of a committed segment is missing"};
  }
  auto segment = open_segment(path);  // if damaged, verify() says so
  if (!segment || (*segment)->content_hash() == record.content_hash) return {};
  return Error{ErrorCode::kCorrupt,
               path + ": not the file that was committed as " + record.id};
}

// Compares the folder with its metadata. A running server may have merged a
// segment away meanwhile: then the metadata lists it no more.
int verify_committed(const std::string& data) {
  auto records = committed_segments(data);
  if (!records) return report_error(records.error());
  std::map<std::string, Error> faults;
  for (const SegmentRecord& record : *records) {
    if (auto fault = fault_of(data, record)) faults[record.id] = *fault;
  }
  if (faults.empty()) return kExitDone;
  records = committed_segments(data);
  if (!records) return report_error(records.error());
  int code = kExitDone;
  for (const SegmentRecord& record : *records) {
    auto fault = faults.find(record.id);
    if (fault != faults.end()) code = report_error(fault->second);
  }
  return code;
}

int dump(const std::vector<std::string>& files, uint32_t rows) {
  for (const std::string& file : files) {
    auto text = dump_segment(file, rows);
    if (!text) return report_error(text.error());
    write_output(*text);
  }
  return kExitDone;
}

}  // namespace

int command_segment(const std::string& verb, const std::string& path,
                    uint32_t rows) {
  auto files = segment_files(path);
  if (!files) return report_error(files.error());
  int code = kExitDone;
  std::string data = data_folder_of(path);
  if (verb == "verify" && !data.empty()) code = verify_committed(data);
  if (files->empty()) {
    print_output("no segments in {}\n", path);
  } else if (verb == "list") {
    code = list(*files);
  } else if (verb == "verify") {
    code = std::max(code, verify(*files));
  } else {
    code = dump(*files, rows);
  }
  return code;
}

}  // namespace freshet
