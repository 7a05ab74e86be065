// FilePlace: where a dataset's files appear: a folder, or a place on an FTP,
// SFTP or S3 server. Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct FilePlaceSettings {
  // "/srv/drop/*.xml", "ftp://host/drop/*.csv.gz", "sftp://host/srv/drop/*",
  // "s3://bucket/prefix/*.json": a folder and a pattern of names with * and ?.
  // ftps:// is FTP that must be encrypted.
  std::string path;
  std::string user, password;         // S3: id and secret of the key
  std::string key_file, known_hosts;  // SFTP
  std::string ca_file;
  std::string region = "us-east-1";  // S3
  std::string endpoint;              // S3, if not AWS: "http://host:9000"
  enum class After { kKeep, kMove, kDelete } after = After::kKeep;
  // Whether what goes on with a server is to end (kCancelled); may be null.
  std::function<bool()> stopped{};
};

struct PlacedFile {
  std::string name;  // without the folder
  uint64_t size = 0;
  std::string version;  // changes when the content may have: time, ETag

  bool operator==(const PlacedFile&) const = default;
};

class FilePlace {
 public:
  // kInvalid for a path that is none; reaches for nothing yet. `scratch` is a
  // folder for fetched files.
  static Result<std::unique_ptr<FilePlace>> open(FilePlaceSettings settings,
                                                 std::string scratch);
  virtual ~FilePlace() = default;

  // The files there are, by name, also those still being written.
  // kUnavailable, kNotFound: the folder is not there (now).
  virtual Result<std::vector<PlacedFile>> list() = 0;
  // A local path with the file's content; the name ends as the file's does.
  // kInvalid: a link that leads out of the folder, where secrets may lie.
  virtual Result<std::string> fetch(const PlacedFile& file) = 0;
  // Of a file that was read: kUnavailable if another one was read than was
  // listed, or it was written to meanwhile.
  virtual Status unchanged(const PlacedFile& file) = 0;
  // After fetch(), whatever came of the file: the local copy goes.
  virtual void release(const std::string& fetched) = 0;
  // What is to be done with a file whose rows are durable: nothing, moved to
  // "done" beside it (where one of its name gets another), or deleted. One that
  // came under its name meanwhile stays, as far as the place can tell; that is
  // no error.
  virtual Status finish(const PlacedFile& file) = 0;
};

// Whether `name` fits a pattern with * (any text) and ? (one character).
bool fits_pattern(std::string_view name, std::string_view pattern);

// The name that a file in "done" gets when one of its own name is moved there.
std::string older_name(const std::string& name);

// Splits "DIR/PATTERN" at the last '/'.
void split_place(std::string_view path, std::string& folder,
                 std::string& pattern);

}  // namespace freshet
