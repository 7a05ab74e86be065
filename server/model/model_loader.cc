// load_model: reads every file of the folder, then the files of each kind in
// the order in which they refer to one another.
#include <algorithm>
#include <filesystem>
#include <tuple>

#include "server/model/config_file.h"
#include "server/model/derived_cubes.h"
#include "server/model/model_reader.h"
#include "server/model/secret_reference.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolders[] = {"lookups", "datasets", "kpis", "dashboards",
                                    "alerts"};
constexpr const char* kLaterFolders[] = {"roles"};

uint64_t fnv1a(uint64_t hash, std::string_view bytes) {
  for (unsigned char c : bytes) hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}

struct ParsedFile {
  std::string name;  // relative to the folder
  ConfigNode root;
};

class ModelLoader {
 public:
  explicit ModelLoader(const std::string& folder,
                       const ModelOverlay* overlay = nullptr)
      : folder_(folder), overlay_(overlay) {}

  ModelLoad load() {
    model_->folder = folder_;
    std::error_code error;
    if (!fs::is_directory(folder_, error)) {
      faults_.push_back({"", 0, "there is no model folder '" + folder_ + "'"});
      return finish();
    }
    read_top();
    for (const char* later : kLaterFolders) refuse_folder(later);
    read_lookups();
    read_datasets();
    read_kpi_files();
    for (ParsedFile& file : parse_folder("dashboards")) {
      with_context(file.name,
                   [&](ReadContext& c) { read_dashboard(file.root, c); });
    }
    read_alert_files();
    return finish();
  }

 private:
  template <class Read>
  void with_context(const std::string& file, Read read) {
    FaultList faults(file, faults_);
    ReadContext context{*model_, names_, faults, datasets_unread_,
                        kpis_unread_};
    read(context);
  }

  std::vector<std::string> entries(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    if (error && fs::exists(folder)) {
      faults_.push_back({fs::path(folder).lexically_relative(folder_).string(),
                         0, "cannot be read: " + error.message()});
    }
    if (overlay_ != nullptr) lay_over(folder, names);
    std::sort(names.begin(), names.end());
    return names;
  }

  void lay_over(const fs::path& folder, std::vector<std::string>& names) {
    fs::path file = fs::path(folder_) / overlay_->file;
    if (file.parent_path() != folder) return;
    std::string name = file.filename().string();
    std::erase(names, name);
    if (overlay_->text) names.push_back(name);
  }

  // What lies at the top and is none of ours is most likely misspelled.
  void read_top() {
    std::vector<std::string> known = {"freshet.yaml"};
    for (const char* f : kFolders) known.push_back(f);
    for (const char* f : kLaterFolders) known.push_back(f);
    for (const std::string& name : entries(folder_)) {
      bool yaml = name.ends_with(".yaml") || name.ends_with(".yml");
      bool folder = fs::is_directory(fs::path(folder_) / name);
      if (name[0] == '.' || (!yaml && !folder) ||
          std::find(known.begin(), known.end(), name) != known.end()) {
        continue;
      }
      if (folder && !holds_yaml(name)) continue;
      faults_.push_back({name, 0,
                         std::string("unknown ") +
                             (folder ? "folder" : "file") + " '" + name +
                             "' in the model" + did_you_mean(name, known)});
    }
    if (auto file = parse_file("freshet.yaml", true)) {
      with_context(file->name,
                   [&](ReadContext& c) { read_settings(file->root, c); });
    }
  }

  bool holds_yaml(const std::string& folder) {
    for (const std::string& name : entries(fs::path(folder_) / folder)) {
      if (name.ends_with(".yaml") || name.ends_with(".yml")) return true;
    }
    return false;
  }

  void refuse_folder(const std::string& folder) {
    for (const std::string& name : entries(fs::path(folder_) / folder)) {
      if (!name.ends_with(".yaml")) continue;
      faults_.push_back({folder + "/" + name, 0,
                         folder + " aren't available in this version"});
    }
  }

  std::optional<std::string> read_text(const std::string& name, bool optional) {
    if (overlay_ != nullptr && name == overlay_->file) return overlay_->text;
    fs::path path = fs::path(folder_) / name;
    std::error_code error;
    if (optional && !fs::exists(path, error)) return std::nullopt;
    auto text = read_config_file(path, kMaxConfigBytes);
    if (text) return std::move(*text);
    faults_.push_back({name, 0, "the file " + text.error().message});
    return std::nullopt;
  }

  std::optional<ParsedFile> parse_file(const std::string& name, bool optional) {
    auto text = read_text(name, optional);
    if (!text) return std::nullopt;
    hash_ = fnv1a(fnv1a(hash_, name), *text);
    note_secret_files(*text, model_->secret_files);
    auto root = parse_yaml(*text);
    if (!root) {
      faults_.push_back({name, root.error().line, root.error().message});
      return std::nullopt;
    }
    return ParsedFile{name, std::move(*root)};
  }

  std::vector<ParsedFile> parse_folder(const std::string& folder,
                                       bool* unread = nullptr) {
    std::vector<ParsedFile> files;
    for (const std::string& name : entries(fs::path(folder_) / folder)) {
      if (name[0] == '.') continue;
      std::string relative = folder + "/" + name;
      if (name.ends_with(".yml")) {
        faults_.push_back({relative, 0, "name it .yaml, so that it is read"});
      }
      if (!name.ends_with(".yaml")) continue;
      auto file = parse_file(relative, false);
      if (file) {
        files.push_back(std::move(*file));
      } else if (unread) {
        *unread = true;
      }
    }
    return files;
  }

  void read_lookups() {
    for (ParsedFile& file : parse_folder("lookups")) {
      size_t before = model_->lookups.size();
      with_context(file.name,
                   [&](ReadContext& c) { read_lookup(file.root, c); });
      if (model_->lookups.size() > before) {
        model_->lookups.back().file = file.name;
      }
    }
    model_->lookup_shapes = lookup_shapes(model_->lookups);
  }

  void read_datasets() {
    bool unread = false;
    for (ParsedFile& file : parse_folder("datasets", &unread)) {
      size_t before = model_->datasets.size();
      with_context(file.name,
                   [&](ReadContext& c) { read_dataset(file.root, c); });
      if (model_->datasets.size() > before) {
        model_->datasets.back().file = file.name;
      }
    }
    datasets_unread_ = unread;
  }

  void read_kpi_files() {
    bool unread = false;
    std::vector<KpiPlace> places;
    for (ParsedFile& file : parse_folder("kpis", &unread)) {
      with_context(file.name,
                   [&](ReadContext& c) { read_kpis(file.root, c, places); });
    }
    kpis_unread_ = unread;
    link_kpis(*model_, places, kpis_unread_, faults_);
  }

  void read_alert_files() {
    std::vector<ParsedFile> files = parse_folder("alerts");
    for (ParsedFile& file : files) {
      with_context(file.name,
                   [&](ReadContext& c) { read_contacts(file.root, c); });
    }
    for (ParsedFile& file : files) {
      with_context(file.name,
                   [&](ReadContext& c) { read_alerts(file.root, c); });
    }
  }

  template <class T>
  static void sort_by_name(std::vector<T>& list) {
    std::sort(list.begin(), list.end(),
              [](const T& a, const T& b) { return a.name < b.name; });
  }

  ModelLoad finish() {
    std::stable_sort(faults_.begin(), faults_.end(),
                     [](const ModelFault& a, const ModelFault& b) {
                       return std::tie(a.file, a.line, a.message) <
                              std::tie(b.file, b.line, b.message);
                     });
    auto told = std::unique(faults_.begin(), faults_.end(),
                            [](const ModelFault& a, const ModelFault& b) {
                              return std::tie(a.file, a.line, a.message) ==
                                     std::tie(b.file, b.line, b.message);
                            });
    faults_.erase(told, faults_.end());
    ModelLoad load;
    load.faults = std::move(faults_);
    load.read = model_;
    if (!load.faults.empty()) return load;
    sort_by_name(model_->datasets);
    sort_by_name(model_->lookups);
    sort_by_name(model_->kpis);
    sort_by_name(model_->alerts);
    sort_by_name(model_->contacts);
    derive_cubes(*model_);
    char text[17];
    std::snprintf(text, sizeof(text), "%016llx",
                  static_cast<unsigned long long>(hash_));
    model_->version = text;
    load.model = std::move(model_);
    return load;
  }

  std::string folder_;
  const ModelOverlay* const overlay_;
  std::shared_ptr<Model> model_ = std::make_shared<Model>();
  std::vector<ModelFault> faults_;
  DefinedNames names_;
  bool datasets_unread_ = false;
  bool kpis_unread_ = false;
  uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace

std::string place_of(const ModelFault& fault) {
  if (fault.line == 0) return fault.file;
  return fault.file + ":" + std::to_string(fault.line);
}

std::string faults_text(const ModelLoad& load) {
  std::string text = "the model has faults:";
  for (const ModelFault& fault : load.faults) {
    std::string place = place_of(fault);
    text += "\n  " + place + (place.empty() ? "" : ": ") + fault.message;
  }
  return text;
}

Error faults_error(std::string message, const std::vector<ModelFault>& faults,
                   ErrorCode code) {
  Error error{code, std::move(message)};
  for (const ModelFault& fault : faults) {
    error.details.push_back(
        {fault.file.empty() ? fault.key : place_of(fault), fault.message});
  }
  return error;
}

ModelLoad load_model(const std::string& folder) {
  return ModelLoader(folder).load();
}

ModelLoad load_model(const std::string& folder, const ModelOverlay& overlay) {
  return ModelLoader(folder, &overlay).load();
}

}  // namespace freshet
