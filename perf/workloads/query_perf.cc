// query_perf SEGMENT THREADS REPEATS < queries: times SQL over one sealed
// segment without HTTP, for profiles and for a loaded machine. Reads lines
// "NAME<tab>SQL" (dataset `data`), prints "NAME<tab>ms<tab>CPU ms<tab>rows
// <tab>first value" of the fastest run.
// query_perf --memory: what one core reads of memory, as JSON.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "segments/sealed_segment.h"
#include "server/sql/sql.h"

namespace freshet {
namespace {

class OneSegment final : public DatasetCatalog {
 public:
  explicit OneSegment(std::shared_ptr<const Segment> segment) {
    data_.schema = std::make_shared<Schema>(segment->schema());
    auto timeline = std::make_shared<Timeline>();
    timeline->sealed = {std::move(segment)};
    data_.timeline = timeline;
  }
  std::optional<DatasetSnapshot> snapshot(std::string_view) const override {
    return data_;
  }
  std::vector<std::string> names() const override { return {"data"}; }

 private:
  DatasetSnapshot data_;
};

double cpu_ms() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 +
         static_cast<double>(t.tv_nsec) / 1e6;
}

// False if the query fails.
bool measure(Sql& sql, const std::string& name, const std::string& text,
             int repeats) {
  double least = std::numeric_limits<double>::max(), least_cpu = least;
  size_t rows = 0;
  std::string first;
  for (int i = 0; i < repeats; ++i) {
    SqlRequest request;
    request.text = text;
    const double cpu = cpu_ms();
    const auto start = std::chrono::steady_clock::now();
    auto result = sql.run(request);
    const std::chrono::duration<double, std::milli> spent =
        std::chrono::steady_clock::now() - start;
    if (!result) {
      fmt::print(stderr, "{}: {}\n", name, result.error().message);
      return false;
    }
    rows = result->rows.size();
    first = rows > 0 ? result->rows[0][0].to_text() : "";
    least_cpu = std::min(least_cpu, cpu_ms() - cpu);
    least = std::min(least, spent.count());
  }
  fmt::print("{}\t{:.3f}\t{:.3f}\t{}\t{}\n", name, least, least_cpu, rows,
             first);
  return true;
}

int read_memory() {
  std::vector<int64_t> values(size_t{64} << 20, 3);
  double least = std::numeric_limits<double>::max();
  int64_t sum = 0;
  for (int i = 0; i < 7; ++i) {
    const double cpu = cpu_ms();
    for (int64_t value : values) sum += value;
    least = std::min(least, cpu_ms() - cpu);
  }
  const double bytes = static_cast<double>(values.size() * sizeof(int64_t));
  fmt::print("{{\"gb_per_second\":{:.2f},\"sum\":{}}}\n", bytes / least / 1e6,
             sum);
  return 0;
}

int run(const std::string& path, int threads, int repeats) {
  auto segment = open_segment(path);
  if (!segment) {
    fmt::print(stderr, "{}\n", segment.error().message);
    return 1;
  }
  OneSegment catalog(*segment);
  auto runner = Runner::create(catalog, threads);
  auto sql = Sql::create(*runner);
  std::string line;
  while (std::getline(std::cin, line)) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    if (!measure(*sql, line.substr(0, tab), line.substr(tab + 1), repeats)) {
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--memory") {
    return freshet::read_memory();
  }
  if (argc != 4) {
    fmt::print(stderr,
               "usage: query_perf SEGMENT THREADS REPEATS < QUERIES\n"
               "       query_perf --memory\n");
    return 2;
  }
  return freshet::run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
}
