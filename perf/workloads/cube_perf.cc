// cube_perf ROWS FOLDER: what cubes cost and bring on SSB-flat rows: seals one
// live segment without and with each cube, then asks one question of both.
// Prints JSON lines: {"cube","rows","cube_rows","plain_ns","cube_ns","bytes",
// "cube_bytes","raw_ms","cube_ms"}; ns are CPU of the seal a row, ms the
// medians of 5 on one thread. Fails if the answers differ.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "perf/workloads/ssb_flat.h"
#include "segments/live_segment.h"
#include "segments/sealed_segment.h"
#include "segments/segment_writer.h"
#include "server/query/runner.h"

namespace freshet {
namespace {

constexpr size_t kBatch = 4096;

double cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

[[noreturn]] void fail(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

std::shared_ptr<LiveSegment> live_rows(uint64_t rows, const DecoderSpec& spec) {
  auto live = LiveSegment::create("perf", spec.schema, Interval{});
  auto decoder = make_json_decoder(spec);
  ColumnBatch batch(spec.schema);
  Decoded decoded;
  for (uint64_t begin = 0; begin < rows; begin += kBatch) {
    uint64_t end = std::min(rows, begin + kBatch);
    std::vector<std::string> texts(end - begin);
    std::vector<std::string_view> lines;
    for (uint64_t row = begin; row < end; ++row) {
      append_ssb_row(row, rows, texts[row - begin]);
      lines.push_back(texts[row - begin]);
    }
    batch.clear();
    decoded.row_messages.clear();
    decoder->decode(lines, batch, decoded);
    live->append(batch);
  }
  if (!decoded.rejections.empty())
    fail("rejected: " + decoded.rejections[0].text);
  live->freeze();
  return live;
}

struct Sealed {
  std::shared_ptr<const Segment> segment;
  double ns = 0;  // a row
};

Sealed seal(const LiveSegment& live, const std::string& path,
            std::vector<CubeSpec> cubes) {
  SealOptions options;
  options.cubes = std::move(cubes);
  double start = cpu_ns();
  auto file = write_segment(real_file_system(), *live.snapshot(), "perf", path,
                            options);
  Sealed out;
  out.ns = (cpu_ns() - start) / live.num_rows();
  if (!file) fail(file.error().message);
  auto segment = open_segment(path);
  if (!segment) fail(segment.error().message);
  out.segment = *segment;
  return out;
}

class NoCatalog final : public DatasetCatalog {
 public:
  std::optional<DatasetSnapshot> snapshot(std::string_view) const override {
    return std::nullopt;
  }
  std::vector<std::string> names() const override { return {}; }
};

// Revenue by region and month.
Query question() {
  Query query;
  auto month = std::make_shared<Expression>(
      *call("time_floor", {column(std::string(kTimeColumn))}));
  month->granularity = *Granularity::parse("month");
  query.groups = {{"region", column("s_region")}, {"month", month}};
  query.aggregates.resize(2);
  query.aggregates[0].name = "rows";
  query.aggregates[1].name = "revenue";
  query.aggregates[1].function = Aggregate::Function::kSum;
  query.aggregates[1].argument = column("lo_revenue");
  query.order_by = {{"region", false, {}}, {"month", false, {}}};
  return query;
}

struct Answer {
  std::string text;
  double ms = 0;
};

Answer ask(const std::shared_ptr<const Segment>& segment) {
  NoCatalog catalog;
  auto runner = Runner::create(catalog, 1);
  auto timeline = std::make_shared<Timeline>();
  timeline->sealed = {segment};
  DatasetSnapshot data;
  data.schema = std::make_shared<Schema>(segment->schema());
  data.timeline = timeline;
  Answer out;
  std::vector<double> times;
  for (int i = 0; i < 6; ++i) {  // the first verifies checksums
    auto start = std::chrono::steady_clock::now();
    auto result = runner->run_on(question(), data);
    std::chrono::duration<double, std::milli> spent =
        std::chrono::steady_clock::now() - start;
    if (!result) fail(result.error().message);
    if (i > 0) times.push_back(spent.count());
    out.text.clear();
    for (const auto& row : result->rows) {
      for (const Value& value : row) out.text += value.to_text() + "|";
    }
  }
  std::sort(times.begin(), times.end());
  out.ms = times[times.size() / 2];
  return out;
}

CubeSpec cube(std::string name, std::vector<std::string> dimensions,
              const Schema& schema) {
  CubeSpec spec;
  spec.name = std::move(name);
  spec.granularity = *Granularity::parse("day");
  spec.dimensions = std::move(dimensions);
  for (const char* measure : {"lo_revenue", "lo_supplycost", "lo_quantity"}) {
    ColumnType type = schema.columns[*schema.find(measure)].type;
    spec.measures.push_back({measure, default_cube_states(type)});
  }
  return spec;
}

int run(uint64_t rows, const std::string& folder) {
  DecoderSpec decoder = ssb_decoder_spec();
  auto live = live_rows(rows, decoder);
  (void)seal(*live, folder + "/warm.seg", {});
  Sealed plain = seal(*live, folder + "/plain.seg", {});
  Answer raw = ask(plain.segment);
  const Schema& schema = *decoder.schema;
  std::vector<CubeSpec> cubes = {
      cube("region_day", {"s_region"}, schema),
      cube("regions_day", {"s_region", "c_region"}, schema),
      cube("category_day", {"s_region", "p_category"}, schema)};
  for (const CubeSpec& spec : cubes) {
    Sealed with = seal(*live, folder + "/cube.seg", {spec});
    auto built = with.segment->cubes();
    if (!built) fail(built.error().message);
    Answer answer = ask(with.segment);
    if (answer.text != raw.text) fail("answers differ: cube " + spec.name);
    fmt::print(
        "{{\"cube\":\"{}\",\"rows\":{},\"cube_rows\":{},\"plain_ns\":{:.1f},"
        "\"cube_ns\":{:.1f},\"bytes\":{},\"cube_bytes\":{},\"raw_ms\":{:.3f},"
        "\"cube_ms\":{:.3f}}}\n",
        spec.name, rows, *built ? (*built)->front().table->num_rows() : 0,
        plain.ns, with.ns - plain.ns, plain.segment->size_bytes(),
        with.segment->size_bytes() - plain.segment->size_bytes(), raw.ms,
        answer.ms);
  }
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: cube_perf ROWS FOLDER\n");
    return 2;
  }
  return freshet::run(std::strtoull(argv[1], nullptr, 10), argv[2]);
}
