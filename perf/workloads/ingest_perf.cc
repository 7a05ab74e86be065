// ingest_perf ROWS FOLDER: one core from JSON events in memory to a sealed
// file, step by step, on SSB-flat rows. Prints nanoseconds of CPU an event as
// JSON: {"rows","bytes","decode","decode_append","seal","total",
// "bytes_per_row"}.
#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "perf/workloads/ssb_flat.h"
#include "segments/live_segment.h"
#include "segments/segment_writer.h"

namespace freshet {
namespace {

constexpr size_t kBatch = 4096;

// CPU time of the whole process: the steps use one thread each.
double cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

struct Events {
  std::string text;
  std::vector<std::string_view> lines;
};

Events make_events(uint64_t rows) {
  Events events;
  std::vector<size_t> ends;
  for (uint64_t row = 0; row < rows; ++row) {
    append_ssb_row(row, rows, events.text);
    ends.push_back(events.text.size());
  }
  size_t from = 0;
  for (size_t end : ends) {
    events.lines.push_back(
        std::string_view(events.text).substr(from, end - from - 1));
    from = end;
  }
  return events;
}

// Decodes all events, giving each batch to `use`; CPU nanoseconds an event.
template <class Use>
double decode_all(const Events& events, const DecoderSpec& spec, Use use) {
  auto decoder = make_json_decoder(spec);
  ColumnBatch batch(spec.schema);
  Decoded decoded;
  double start = cpu_ns();
  std::span<const std::string_view> rest = events.lines;
  while (!rest.empty()) {
    size_t count = std::min(kBatch, rest.size());
    batch.clear();
    decoded.row_messages.clear();
    decoder->decode(rest.first(count), batch, decoded);
    use(batch);
    rest = rest.subspan(count);
  }
  double spent = cpu_ns() - start;
  if (!decoded.rejections.empty()) {
    fmt::print(stderr, "rejected: {}\n", decoded.rejections[0].text);
    std::exit(1);
  }
  return spent / static_cast<double>(events.lines.size());
}

int run(uint64_t rows, const std::string& folder) {
  Events events = make_events(rows);
  DecoderSpec spec = ssb_decoder_spec();
  double decode = decode_all(events, spec, [](const ColumnBatch&) {});
  auto live = LiveSegment::create("perf", spec.schema, Interval{});
  double append = decode_all(
      events, spec, [&](const ColumnBatch& batch) { live->append(batch); });
  live->freeze();
  double start = cpu_ns();
  auto file = write_segment(real_file_system(), *live->snapshot(), "perf",
                            folder + "/perf.seg", SealOptions{});
  double seal = (cpu_ns() - start) / static_cast<double>(rows);
  if (!file) {
    fmt::print(stderr, "{}\n", file.error().message);
    return 1;
  }
  fmt::print(
      "{{\"rows\":{},\"bytes\":{},\"decode\":{:.1f},\"decode_append\":{:.1f},"
      "\"seal\":{:.1f},\"total\":{:.1f},\"bytes_per_row\":{:.2f}}}\n",
      rows, events.text.size(), decode, append, seal, append + seal,
      static_cast<double>(file->bytes) / static_cast<double>(rows));
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: ingest_perf ROWS FOLDER\n");
    return 2;
  }
  return freshet::run(std::strtoull(argv[1], nullptr, 10), argv[2]);
}
