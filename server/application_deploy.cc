#include "server/application_deploy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>

#include "segments/mutex.h"
#include "server/json/escape_codes.h"
#include "server/model/config_file.h"
#include "server/model/config_node.h"
#include "server/model/stored_types.h"

namespace freshet {
namespace {

Error file_error(const char* what, const std::string& path) {
  return Error{ErrorCode::kIo,
               fmt::format("{} ({}): {}", what, std::strerror(errno), path)};
}

Status sync_folder(const std::string& folder) {
  int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = file >= 0 && ::fsync(file) == 0;
  Status status;
  if (!synced) status = file_error("the folder cannot be synced", folder);
  if (file >= 0) ::close(file);
  return status;
}

// Old or new, never half.
Status write_file(const std::string& path, const std::string& text) {
  size_t slash = path.rfind('/');
  std::string folder = path.substr(0, slash);
  std::string temporary = folder + "/." + path.substr(slash + 1) + ".new";
  int file =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return file_error("the file cannot be made", temporary);
  bool good = true;
  for (size_t at = 0; good && at < text.size();) {
    ssize_t count = ::write(file, text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    good = count >= 0;
    at += good ? static_cast<size_t>(count) : 0;
  }
  good = good && ::fsync(file) == 0;
  Status status;
  if (!good) status = file_error("the file cannot be written", temporary);
  ::close(file);
  if (status && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = file_error("the file cannot be renamed", path);
  }
  if (!status) {
    ::unlink(temporary.c_str());
    return status;
  }
  return sync_folder(folder);
}

std::optional<std::string> read_file(const std::string& path) {
  auto text = read_config_file(path, kMaxConfigBytes);
  if (!text) return std::nullopt;
  return std::move(*text);
}

class FolderDeployer final : public DatasetDeployer {
 public:
  FolderDeployer(std::string folder, SegmentStore& store,
                 std::function<std::shared_ptr<const Model>()> model,
                 std::function<ModelLoad()> reload)
      : folder_(std::move(folder)),
        store_(store),
        model_(std::move(model)),
        reload_(std::move(reload)) {}

  ModelLoad check(ModelPart part, const std::string& name,
                  const std::string& text) const override;
  ModelLoad put(ModelPart part, const std::string& name,
                const std::string& text, const std::string& who) override;
  ModelLoad remove(ModelPart part, const std::string& name,
                   const std::string& who) override;
  Result<std::vector<DatasetVersion>> versions(
      ModelPart part, const std::string& name) const override;

 private:
  std::string file_of(ModelPart part, const std::string& name) const;
  ModelLoad change(ModelPart part, const std::string& name,
                   const std::optional<std::string>& text,
                   const std::string& who) ABSL_LOCKS_EXCLUDED(mutex_);
  Status write(const std::string& file,
               const std::optional<std::string>& text) const;
  Status remember(ModelPart part, const std::string& name,
                  DatasetVersion version);

  const std::string folder_;
  SegmentStore& store_;
  const std::function<std::shared_ptr<const Model>()> model_;
  const std::function<ModelLoad()> reload_;
  Mutex mutex_;  // one change at a time
};

ModelLoad fault(const std::string& file, std::string message) {
  ModelLoad load;
  load.faults.push_back({file, 0, std::move(message)});
  return load;
}

// "${env:NAME}" and "${file:PATH}" in a text.
std::set<std::string> references_in(std::string_view text) {
  std::set<std::string> found;
  for (size_t at = text.find("${"); at != text.npos;
       at = text.find("${", at + 2)) {
    size_t end = text.find('}', at);
    found.emplace(text.substr(at, end == text.npos ? end : end + 1 - at));
  }
  return found;
}

// What the files of a model refer to.
std::set<std::string> references_of(const std::string& folder) {
  std::set<std::string> found;
  std::error_code error;
  std::filesystem::recursive_directory_iterator file(folder, error), end;
  for (; !error && file != end; file.increment(error)) {
    if (file->path().extension() != ".yaml") continue;
    if (auto text = read_file(file->path())) found.merge(references_in(*text));
  }
  return found;
}

// Who may define a dataset over HTTP may not thereby read the server's
// environment and files: only what the model's own files refer to already.
std::optional<std::string> forbidden_reference(const std::string& text,
                                               const std::string& folder) {
  for (const char* escape : {"\\x", "\\u", "\\U", "\\\n", "\\\r"}) {
    if (text.find(escape) != text.npos) {
      return "a definition that is sent has no escapes by code or over lines; "
             "write it into the model's folder";
    }
  }
  std::set<std::string> known = references_of(folder);
  for (const std::string& reference : references_in(text)) {
    if (known.contains(reference)) continue;
    return "a definition that is sent may only refer to what the model's "
           "files refer to already: " +
           reference;
  }
  return std::nullopt;
}

// A watched folder of this machine must lie in the model's.
bool is_inside(const std::string& path, const std::string& folder) {
  if (path.find("://") != path.npos) return true;
  std::filesystem::path base = std::filesystem::absolute(folder);
  std::filesystem::path inside =
      (base / path)
          .lexically_normal()
          .lexically_relative(base.lexically_normal());
  return !inside.empty() && *inside.begin() != "..";
}

bool is_name(const std::string& name) {
  if (name.empty() || name.size() > 200) return false;
  for (char c : name) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!good) return false;
  }
  return true;
}

const char* name_of(ModelPart part) {
  constexpr const char* kNames[] = {"dataset", "kpi", "dashboard"};
  return kNames[static_cast<size_t>(part)];
}

// Where versions are kept: PREFIX NUMBER.
std::string prefix(ModelPart part, const std::string& name) {
  constexpr const char* kFolders[] = {"model/", "model_kpi/",
                                      "model_dashboard/"};
  return kFolders[static_cast<size_t>(part)] + name + "/";
}

bool holds(const Model& model, ModelPart part, const std::string& name) {
  if (part == ModelPart::kKpi) return model.kpi(name) != nullptr;
  if (part == ModelPart::kDashboard) return model.dashboard(name) != nullptr;
  return model.dataset(name) != nullptr;
}

// What `next` has no more of, besides `name`: "the kpi 'units'".
std::optional<std::string> lost(const Model& old, const Model& next,
                                ModelPart part, const std::string& name) {
  auto first_of = [&](ModelPart kind,
                      const auto& list) -> std::optional<std::string> {
    for (const auto& item : list) {
      if ((kind == part && item.name == name) || holds(next, kind, item.name)) {
        continue;
      }
      return fmt::format("the {} '{}'", name_of(kind), item.name);
    }
    return std::nullopt;
  };
  if (auto found = first_of(ModelPart::kDataset, old.datasets)) return found;
  if (auto found = first_of(ModelPart::kKpi, old.kpis)) return found;
  return first_of(ModelPart::kDashboard, old.dashboards);
}

// A KPI or a dashboard that stands in another file is defined twice by a file
// of its own, which the loader refuses.
std::string FolderDeployer::file_of(ModelPart part,
                                    const std::string& name) const {
  if (part != ModelPart::kDataset) {
    return fmt::format("{}s/{}.yaml", name_of(part), name);
  }
  std::shared_ptr<const Model> model = model_();
  const DatasetModel* known = model->dataset(name);
  return known != nullptr && !known->file.empty()
             ? known->file
             : "datasets/" + name + ".yaml";
}

ModelLoad FolderDeployer::check(ModelPart part, const std::string& name,
                                const std::string& sent) const {
  if (!is_name(name)) {
    return fault("",
                 fmt::format("not a name of a {}: {}", name_of(part), name));
  }
  const std::string text = without_escape_codes(sent);
  std::string file = file_of(part, name);
  if (auto refused = forbidden_reference(text, folder_)) {
    return fault(file, *refused);
  }
  ModelLoad load = load_model(folder_, {file, text});
  if (!load.model) return load;
  if (!holds(*load.model, part, name)) {
    return fault(file, fmt::format("the definition is not of the {} '{}'",
                                   name_of(part), name));
  }
  const DatasetModel* made =
      part == ModelPart::kDataset ? load.model->dataset(name) : nullptr;
  auto* files =
      made == nullptr ? nullptr : std::get_if<FilesSourceModel>(&made->source);
  if (files != nullptr && !is_inside(files->path, folder_)) {
    return fault(file,
                 "a definition that is sent may only watch a folder inside "
                 "the model's: " +
                     files->path);
  }
  if (auto other = lost(*model_(), *load.model, part, name)) {
    return fault(file, "the file holds " + *other + ", which would go");
  }
  refuse_types(load, store_);
  return load;
}

ModelLoad FolderDeployer::put(ModelPart part, const std::string& name,
                              const std::string& text, const std::string& who) {
  MutexLock lock(mutex_);
  ModelLoad load = check(part, name, text);
  if (!load.model) return load;
  return change(part, name, without_escape_codes(text), who);
}

ModelLoad FolderDeployer::remove(ModelPart part, const std::string& name,
                                 const std::string& who) {
  MutexLock lock(mutex_);
  std::string file = file_of(part, name);
  ModelLoad load = load_model(folder_, {file, std::nullopt});
  if (!load.model) return load;
  if (holds(*load.model, part, name)) {
    return fault(file, fmt::format("the {} '{}' stands in another file of the "
                                   "model's folder; take it out there",
                                   name_of(part), name));
  }
  if (auto other = lost(*model_(), *load.model, part, name)) {
    return fault(file, "the file holds " + *other + ", which would go");
  }
  return change(part, name, std::nullopt, who);
}

// Writes the file and loads it; puts the old one back if that fails.
ModelLoad FolderDeployer::change(ModelPart part, const std::string& name,
                                 const std::optional<std::string>& text,
                                 const std::string& who) {
  std::string file = file_of(part, name);
  std::optional<std::string> before = read_file(folder_ + "/" + file);
  Status written = write(file, text);
  if (!written) {
    ModelLoad refused = fault(file, written.error().message);
    refused.code = written.error().code;
    return refused;
  }
  ModelLoad load = reload_();
  if (!load.model) {
    Status back = write(file, before);
    if (!back) load.faults.push_back({file, 0, back.error().message});
    return load;
  }
  DatasetVersion version;
  version.when = now();
  version.who = who;
  version.action = text ? "put" : "delete";
  version.text = text ? *text : before.value_or("");
  Status kept = remember(part, name, std::move(version));
  if (!kept) {
    spdlog::warn("{} is in force, but no version of it is kept: {}", file,
                 kept.error().message);
  }
  return load;
}

Status FolderDeployer::write(const std::string& file,
                             const std::optional<std::string>& text) const {
  std::string path = folder_ + "/" + file;
  if (text) {
    std::error_code error;  // what fails here fails below
    std::filesystem::create_directories(path.substr(0, path.rfind('/')), error);
    return write_file(path, *text);
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return file_error("the file cannot be removed", path);
  }
  return sync_folder(path.substr(0, path.rfind('/')));
}

// Key: prefix() and the number; value: time, action and who, a line each, then
// the definition.
Status FolderDeployer::remember(ModelPart part, const std::string& name,
                                DatasetVersion version) {
  TRY_ASSIGN(auto known, versions(part, name));
  uint64_t number = known.empty() ? 1 : known.back().number + 1;
  std::string who = version.who;
  std::erase(who, '\n');
  return store_.metadata().put(
      fmt::format("{}{:012}", prefix(part, name), number),
      fmt::format("{}\n{}\n{}\n{}", version.when.ms, version.action, who,
                  version.text));
}

Result<std::vector<DatasetVersion>> FolderDeployer::versions(
    ModelPart part, const std::string& name) const {
  std::vector<DatasetVersion> versions;
  std::string start = prefix(part, name);
  TRY(store_.metadata().scan(
      start, "", [&](std::string_view key, std::string_view value) {
        DatasetVersion version;
        version.number = std::strtoull(
            std::string(key.substr(start.size())).c_str(), nullptr, 10);
        auto line = [&value] {
          size_t end = std::min(value.find('\n'), value.size());
          std::string text(value.substr(0, end));
          value.remove_prefix(std::min(end + 1, value.size()));
          return text;
        };
        version.when.ms = std::strtoll(line().c_str(), nullptr, 10);
        version.action = line();
        version.who = line();
        version.text = value;
        versions.push_back(std::move(version));
        return true;
      }));
  return versions;
}

}  // namespace

std::unique_ptr<DatasetDeployer> make_dataset_deployer(
    std::string folder, SegmentStore& store,
    std::function<std::shared_ptr<const Model>()> model,
    std::function<ModelLoad()> reload) {
  return std::make_unique<FolderDeployer>(std::move(folder), store,
                                          std::move(model), std::move(reload));
}

}  // namespace freshet
