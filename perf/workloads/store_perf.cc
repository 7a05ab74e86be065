// store_perf ROWS FOLDER SEGMENTS: what the store itself does in a second, on
// SSB-flat rows of 20 columns. Prints one JSON object: rates in M rows/s (CPU
// of the thread that does it, unless it says wall clock), GB/s of values given
// out, and opening a store of SEGMENTS small files. Every reading is checked
// against the sum of the rows that went in.
#include <fmt/format.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "perf/workloads/ssb_flat.h"
#include "segments/live_segment.h"
#include "segments/segment_store.h"

namespace freshet {
namespace {

constexpr size_t kBatch = 4096;
constexpr const char* kMeasure = "lo_revenue";

[[noreturn]] void fail(const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  std::exit(1);
}

double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double wall_seconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

// All rows, decoded; their texts live as long as this.
struct Batches {
  std::vector<std::string> texts;
  std::vector<std::unique_ptr<ColumnBatch>> batches;
  uint64_t rows = 0;
};

Batches decode_rows(uint64_t rows, const DecoderSpec& spec) {
  Batches out;
  out.rows = rows;
  auto decoder = make_json_decoder(spec);
  Decoded decoded;
  for (uint64_t begin = 0; begin < rows; begin += kBatch) {
    uint64_t end = std::min(rows, begin + kBatch);
    std::vector<std::string> events(end - begin);
    std::vector<std::string_view> lines;
    for (uint64_t row = begin; row < end; ++row) {
      append_ssb_row(row, rows, events[row - begin]);
      lines.push_back(events[row - begin]);
    }
    out.batches.push_back(std::make_unique<ColumnBatch>(spec.schema));
    ColumnBatch& batch = *out.batches.back();
    decoder->decode(lines, batch, decoded);
    for (ColumnBuffer& column : batch.columns()) {
      for (std::string_view& text : column.strings) text = batch.keep(text);
    }
  }
  if (!decoded.rejections.empty()) {
    fail("rejected: " + decoded.rejections[0].text);
  }
  return out;
}

int64_t expected_sum(const Batches& data, const Schema& schema) {
  size_t at = *schema.find(kMeasure);
  int64_t sum = 0;
  for (const auto& batch : data.batches) {
    for (int64_t value : batch->columns()[at].longs) sum += value;
  }
  return sum;
}

struct Reading {
  double seconds = 0;
  uint64_t bytes = 0;  // of values given out
  int64_t sum = 0;     // of kMeasure
};

// Reads every value of every column once.
Reading read_all(const Segment& segment) {
  Reading out;
  alignas(64) static thread_local char values[kBlockRows * 8];
  double start = thread_seconds();
  for (const ColumnSpec& spec : segment.schema().columns) {
    auto column = segment.column(spec.name);
    if (!column) fail(column.error().message);
    bool text = spec.type.kind == ColumnKind::kString;
    bool summed = spec.name == kMeasure;
    for (uint32_t b = 0; b < segment.num_blocks(); ++b) {
      uint32_t rows = segment.block_rows(b);
      out.bytes += rows * (text ? 4 : 8);
      if (text) {
        (*column)->read_ids(b, reinterpret_cast<uint32_t*>(values));
      } else {
        auto* longs = reinterpret_cast<int64_t*>(values);
        (*column)->read_longs(b, longs);
        for (uint32_t i = 0; summed && i < rows; ++i) out.sum += longs[i];
      }
    }
  }
  out.seconds = thread_seconds() - start;
  return out;
}

// The best of three readings, in GB/s and M rows/s.
std::pair<double, double> read_rates(const Segment& segment, int64_t sum) {
  double best = 1e9;
  uint64_t bytes = 0;
  for (int i = 0; i < 4; ++i) {  // the first verifies checksums
    Reading reading = read_all(segment);
    if (reading.sum != sum) fail("a wrong sum");
    bytes = reading.bytes;
    if (i > 0) best = std::min(best, reading.seconds);
  }
  return {static_cast<double>(bytes) / best / 1e9,
          segment.num_rows() / best / 1e6};
}

// A plain sum over as many bytes as a reading gives out.
double plain_sum_rate(uint64_t bytes) {
  std::vector<uint64_t> values(bytes / 8, 3);
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    double start = thread_seconds();
    uint64_t sum = 0;
    for (uint64_t value : values) sum += value;
    if (sum != values.size() * 3) fail("a wrong sum");
    best = std::min(best, thread_seconds() - start);
  }
  return static_cast<double>(bytes) / best / 1e9;
}

// Appends all batches while `readers` threads read the segment; M rows/s.
double append_rate(const Batches& data, const LiveSegment& of, int readers,
                   std::shared_ptr<LiveSegment>* kept = nullptr) {
  auto live = LiveSegment::create("perf", of.schema(), of.granule());
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < readers; ++i) {
    threads.emplace_back([&] {
      while (!done) read_all(*live->snapshot());
    });
  }
  double start = thread_seconds();
  for (const auto& batch : data.batches) live->append(*batch);
  double spent = thread_seconds() - start;
  done = true;
  for (std::thread& thread : threads) thread.join();
  live->freeze();
  if (kept != nullptr) *kept = live;
  return static_cast<double>(data.rows) / spent / 1e6;
}

Result<SealStats> seal(SegmentStore& store, std::shared_ptr<LiveSegment> live,
                       SealOptions options) {
  store.add_live("ssb", live);
  Seal seal;
  seal.dataset = "ssb";
  seal.live = {std::move(live)};
  seal.options = std::move(options);
  return store.seal(seal);
}

// Seals the rows in eight parts and merges these; M rows/s of the merge.
double merge_rate(const Batches& data, const LiveSegment& of,
                  SegmentStore& store, int64_t sum) {
  size_t part = (data.batches.size() + 7) / 8;
  for (size_t at = 0; at < data.batches.size(); at += part) {
    auto live = LiveSegment::create(fmt::format("part_{}", at), of.schema(),
                                    of.granule());
    for (size_t i = at; i < std::min(at + part, data.batches.size()); ++i) {
      live->append(*data.batches[i]);
    }
    live->freeze();
    auto sealed = seal(store, live, {});
    if (!sealed) fail(sealed.error().message);
  }
  Merge merge;
  merge.dataset = "ssb";
  auto timeline = store.timeline("ssb");
  for (const auto& segment : timeline->sealed) {
    merge.segments.push_back(segment->id());
  }
  double start = thread_seconds();
  auto merged = store.merge(merge);
  double spent = thread_seconds() - start;
  if (!merged) fail(merged.error().message);
  if (read_all(*store.timeline("ssb")->sealed[0]).sum != sum) {
    fail("a wrong sum after the merge");
  }
  return static_cast<double>(merged->rows) / spent / 1e6;
}

struct Opening {
  double ms = 0;
  double megabytes = 0;
};

// A store of many segments of a few rows, each a file of its own.
Opening open_many(const Batches& data, const LiveSegment& of,
                  const std::string& folder, uint32_t segments) {
  {
    auto store = SegmentStore::open(folder);
    if (!store) fail(store.error().message);
    std::vector<uint32_t> few = {0, 1, 2, 3, 4, 5, 6, 7};
    for (uint32_t i = 0; i < segments;) {
      Seal seal;
      seal.dataset = "ssb";
      for (; i < segments && seal.live.size() < 500; ++i) {
        seal.live.push_back(LiveSegment::create(fmt::format("few_{}", i),
                                                of.schema(), of.granule()));
        seal.live.back()->append(*data.batches[0], few);
        seal.live.back()->freeze();
      }
      auto sealed = (*store)->seal(seal);
      if (!sealed) fail(sealed.error().message);
    }
  }
  int64_t before = resident_bytes();
  double start = wall_seconds();
  auto store = SegmentStore::open(folder);
  Opening out{(wall_seconds() - start) * 1e3, 0};
  if (!store) fail(store.error().message);
  out.megabytes = static_cast<double>(resident_bytes() - before) / 1e6;
  if ((*store)->timeline("ssb")->sealed.size() != segments) fail("too few");
  return out;
}

int run(uint64_t rows, const std::string& folder, uint32_t segments) {
  DecoderSpec spec = ssb_decoder_spec();
  auto like = LiveSegment::create("like", spec.schema, Interval{});
  // First, while this process is small.
  Opening opening;
  {
    Batches few = decode_rows(kBatch, spec);
    opening = open_many(few, *like, folder + "/many", segments);
  }
  Batches data = decode_rows(rows, spec);
  int64_t sum = expected_sum(data, *spec.schema);
  std::shared_ptr<LiveSegment> live;
  double alone = append_rate(data, *like, 0, &live);
  double watched = append_rate(data, *like, 2);
  auto [live_gb, live_rows] = read_rates(*live->snapshot(), sum);

  auto store = SegmentStore::open(folder + "/one");
  if (!store) fail(store.error().message);
  double start = thread_seconds();
  auto sealed = seal(**store, live, {});
  double seal_rate =
      static_cast<double>(rows) / (thread_seconds() - start) / 1e6;
  if (!sealed) fail(sealed.error().message);
  auto segment = (*store)->timeline("ssb")->sealed[0];
  auto [sealed_gb, sealed_rows] = read_rates(*segment, sum);
  double plain = plain_sum_rate(read_all(*segment).bytes);

  auto parts = SegmentStore::open(folder + "/parts");
  if (!parts) fail(parts.error().message);
  double merged = merge_rate(data, *like, **parts, sum);
  fmt::print(
      "{{\"rows\":{},\"append\":{:.2f},\"append_read\":{:.2f},"
      "\"seal\":{:.2f},\"merge\":{:.2f},\"live_rows\":{:.1f},"
      "\"live_gb\":{:.2f},\"sealed_rows\":{:.1f},\"sealed_gb\":{:.2f},"
      "\"plain_gb\":{:.2f},\"segments\":{},\"open_ms\":{:.0f},"
      "\"open_mb\":{:.1f}}}\n",
      rows, alone, watched, seal_rate, merged, live_rows, live_gb, sealed_rows,
      sealed_gb, plain, segments, opening.ms, opening.megabytes);
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: store_perf ROWS FOLDER SEGMENTS\n");
    return 2;
  }
  return freshet::run(
      std::strtoull(argv[1], nullptr, 10), argv[2],
      static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10)));
}
