#include "server/model/files_reader.h"

#include <array>
#include <filesystem>

#include "server/model/format_reader.h"

namespace freshet {
namespace {

constexpr int64_t kLeastPollMs = 100;

bool is_remote(const std::string& path) {
  return path.find("://") != std::string::npos;
}

void check_path(ConfigMap& map, const std::string& path) {
  std::string folder = path.substr(0, path.rfind('/') + 1);
  if (folder.find_first_of("*?") != std::string::npos) {
    map.wrong("path", *map.find("path"),
              "a folder and a pattern, which may only stand behind its last /");
  }
  if (!is_remote(path)) return;
  std::string host = path.substr(path.find("://") + 3);
  if (host.substr(0, host.find('/')).find('@') != std::string::npos) {
    map.fault("path", "'path' in " + map.place() +
                          " names a user: 'user' and 'password' are keys of "
                          "their own");
  }
  for (const char* kind : {"ftp://", "ftps://", "sftp://", "s3://"}) {
    if (path.starts_with(kind)) return;
  }
  map.wrong("path", *map.find("path"),
            "a folder, or a place at ftp://, ftps://, sftp:// or s3://");
}

// One way to write a place.
std::string plain_path(const FilesSourceModel& files) {
  if (is_remote(files.path)) return files.endpoint + " " + files.path;
  std::filesystem::path path(files.path);
  if (!path.has_filename()) path /= "*";
  return path.lexically_normal().string();
}

}  // namespace

FilesSourceModel read_files(const ConfigNode& node, DatasetModel& dataset,
                            const std::string& place, FaultList& faults) {
  ConfigMap map(node, "files of " + place, faults);
  FilesSourceModel files;
  files.path = map.required_secret_text("path");
  if (!files.path.empty()) check_path(map, files.path);
  files.after = map.choice("after", "keep", {"keep", "move", "delete"});
  files.poll_ms = map.duration_ms("poll", files.poll_ms, kLeastPollMs);
  const std::array<std::pair<const char*, std::string*>, 7> kRemote = {{
      {"user", &files.user},
      {"password", &files.password},
      {"key_file", &files.key_file},
      {"known_hosts", &files.known_hosts},
      {"ca_file", &files.ca_file},
      {"region", &files.region},
      {"endpoint", &files.endpoint},
  }};
  for (const auto& [key, value] : kRemote) {
    if (!map.has(key)) continue;
    *value = value == &files.password ? map.secret(key) : map.secret_text(key);
    if (!is_remote(files.path)) {
      map.fault(key, std::string("'") + key + "' in " + map.place() +
                         " has no meaning for a folder");
    }
  }
  if (files.path.starts_with("sftp://") && files.known_hosts.empty()) {
    map.fault("path", map.place() +
                          " lacks 'known_hosts': without it any server would "
                          "be taken for this one, and get the login");
  }
  dataset.format = read_format(map, true);
  map.finish();
  return files;
}

const DatasetModel* rival_for_files(const DatasetModel& dataset,
                                    const std::vector<DatasetModel>& datasets) {
  auto* mine = std::get_if<FilesSourceModel>(&dataset.source);
  if (mine == nullptr || mine->path.empty()) return nullptr;
  for (const DatasetModel& other : datasets) {
    auto* theirs = std::get_if<FilesSourceModel>(&other.source);
    if (theirs == nullptr || plain_path(*theirs) != plain_path(*mine)) continue;
    if (mine->after != "keep" || theirs->after != "keep") return &other;
  }
  return nullptr;
}

}  // namespace freshet
