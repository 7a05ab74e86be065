#include "server/application_checkpoint.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <random>

namespace freshet {
namespace {

namespace fs = std::filesystem;

std::string checkpoints_of(const std::string& data_folder) {
  return data_folder + "/checkpoints";
}

std::string new_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

bool is_name(std::string_view name) {
  return name.size() == 16 && std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Result<std::string> write_checkpoint(SegmentStore& store, EmbeddedLog& log,
                                     Lookups& lookups) {
  remove_old_checkpoints(store.data_folder());
  std::string folder = checkpoints_of(store.data_folder());
  std::error_code code;
  fs::create_directories(folder, code);
  std::string name = new_name(), path = folder + "/" + name;
  if (!code) fs::create_directory(path, code);
  if (code) {
    return Error{ErrorCode::kIo,
                 "cannot create folder: " + code.message() + ": " + path};
  }
  // The log while no commit can come: it has every event after the offsets.
  Status status =
      store.checkpoint(path, [&] { return log.checkpoint(path + "/log"); });
  if (status) status = lookups.checkpoint(path + "/lookups");
  if (status) return "checkpoints/" + name;
  fs::remove_all(path, code);
  return status.error();
}

Status release_checkpoint(const std::string& data_folder,
                          std::string_view name) {
  std::string path = checkpoints_of(data_folder) + "/" + std::string(name);
  std::error_code code;
  if (!is_name(name) || !fs::exists(path, code)) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no checkpoint '{}'", name)};
  }
  fs::remove_all(path, code);
  if (!code) return {};
  return Error{ErrorCode::kIo,
               "cannot remove: " + code.message() + ": " + path};
}

void remove_old_checkpoints(const std::string& data_folder) {
  std::error_code code;
  auto oldest =
      fs::file_time_type::clock::now() - absl::ToChronoSeconds(kCheckpointLife);
  for (fs::directory_iterator it(checkpoints_of(data_folder), code), end;
       !code && it != end; it.increment(code)) {
    std::error_code gone;  // released meanwhile
    auto touched = it->last_write_time(gone);
    if (gone || touched > oldest) continue;
    spdlog::warn("a checkpoint that was not released is removed: {}",
                 it->path().string());
    fs::remove_all(it->path(), gone);
  }
}

void remove_checkpoints(const std::string& data_folder) {
  std::error_code ignored;
  fs::remove_all(checkpoints_of(data_folder), ignored);
}

}  // namespace freshet
