// A model folder for a test, gone with it.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "server/model/model.h"

namespace freshet {

class ModelFolder {
 public:
  ModelFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "freshet-model-XXXXXX")
            .string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~ModelFolder() { std::filesystem::remove_all(path_); }
  ModelFolder(const ModelFolder&) = delete;
  ModelFolder& operator=(const ModelFolder&) = delete;

  const std::string& path() const { return path_; }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

  ModelLoad load() const { return load_model(path_); }

  // "file:line: message", one a fault.
  std::vector<std::string> faults() const {
    std::vector<std::string> out;
    for (const ModelFault& f : load().faults) {
      out.push_back(f.file + ":" + std::to_string(f.line) + ": " + f.message);
    }
    return out;
  }

 private:
  std::string path_;
};

// Good files to put one mistake into.
inline const char* kSalesYaml = R"(dataset: sales
source: { log: { partitions: 2, retention: 1d } }
time: { field: ts }
columns:
  - { name: store, type: string }
  - { name: channel, type: string }
  - { name: qty, type: long }
  - { name: price, type: decimal(2) }
  - { name: net, type: decimal(2), from: "qty * price" }
)";
inline const char* kKpisYaml = R"(kpis:
  - kpi: net_sales
    dataset: sales
    formula: sum(net)
    unit: currency
    currency: EUR
    dimensions: [store, channel]
  - kpi: units
    dataset: sales
    formula: sum(qty)
    dimensions: [store, channel]
)";
inline const char* kDashboardYaml = R"(dashboard: trading
default: { range: today, compare: previous, tz: Europe/Madrid }
filters: [store]
tiles:
  - { kpi: net_sales, show: tile, size: 1x1 }
  - { kpi: units, show: bars, by: store, top: 5 }
)";

inline std::string replaced(std::string text, const std::string& from,
                            const std::string& to) {
  size_t at = text.find(from);
  if (at == std::string::npos) return "no '" + from + "' in the text";
  return text.replace(at, from.size(), to);
}

using Faults = std::vector<std::string>;

// The faults of a good model with `file` replaced.
inline Faults faults_with(const std::string& file, const std::string& text) {
  ModelFolder folder;
  folder.write("datasets/sales.yaml", kSalesYaml);
  folder.write("kpis/trading.yaml", kKpisYaml);
  folder.write("dashboards/trading.yaml", kDashboardYaml);
  folder.write(file, text);
  return folder.faults();
}

inline Faults dataset_faults(const std::string& from, const std::string& to) {
  return faults_with("datasets/sales.yaml", replaced(kSalesYaml, from, to));
}
inline Faults dashboard_faults(const std::string& from, const std::string& to) {
  return faults_with("dashboards/trading.yaml",
                     replaced(kDashboardYaml, from, to));
}
inline Faults dataset_faults_with(const std::string& line) {
  return faults_with("datasets/sales.yaml", kSalesYaml + line + "\n");
}

}  // namespace freshet
