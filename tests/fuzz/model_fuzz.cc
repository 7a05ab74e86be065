// Hostile model files beside a good dataset: a model or faults with places.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/model/model.h"

namespace {

namespace fs = std::filesystem;

constexpr const char* kFiles[] = {"kpis/x.yaml", "datasets/x.yaml",
                                  "dashboards/x.yaml", "alerts/x.yaml",
                                  "freshet.yaml"};

struct Folder {
  fs::path path = "/dev/shm/freshet_model_fuzz_" + std::to_string(getpid());
  Folder() {
    for (const char* name : {"kpis", "datasets", "dashboards", "alerts"}) {
      fs::create_directories(path / name);
    }
    write("datasets/sales.yaml",
          "dataset: sales\nsource: { log: { partitions: 1, format: json } }\n"
          "time: { field: ts, format: auto }\ncolumns:\n"
          "  - { name: store, type: string }\n"
          "  - { name: net, type: decimal(2) }\n");
    write("kpis/sales.yaml",
          "kpis:\n  - { kpi: net_sales, dataset: sales, formula: sum(net),"
          " unit: currency, currency: EUR }\n");
  }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, std::string_view text) {
    std::ofstream(path / name, std::ios::binary | std::ios::trunc) << text;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Folder folder;
  if (size == 0) return 0;
  const char* name = kFiles[data[0] % std::size(kFiles)];
  folder.write(name, {reinterpret_cast<const char*>(data) + 1, size - 1});
  freshet::ModelLoad load = freshet::load_model(folder.path);
  if ((load.model == nullptr) == load.faults.empty()) std::abort();
  fs::remove(folder.path / name);
  return 0;
}
