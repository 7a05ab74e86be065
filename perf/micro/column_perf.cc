// column_perf SEGMENT [--benchmark_...]: how fast the columns of a sealed
// segment are read, by the block and at chosen rows, each beside a plain sum
// over as many bytes in memory as the reading gives out. Counters: bytes and
// bits a row, decoded bytes and rows a second.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <random>
#include <vector>

#include "segments/sealed_segment.h"

namespace freshet {
namespace {

struct Reading {
  std::shared_ptr<const Segment> segment;
  const Column* column;
};

// One block into `out`; bytes given out a row.
size_t read_block(const Reading& reading, uint32_t block, char* out) {
  ColumnType type = reading.column->type();
  if (type.kind == ColumnKind::kString) {
    reading.column->read_ids(block, reinterpret_cast<uint32_t*>(out));
    return sizeof(uint32_t);
  }
  if (type.kind == ColumnKind::kDouble) {
    reading.column->read_doubles(block, reinterpret_cast<double*>(out));
  } else {
    reading.column->read_longs(block, reinterpret_cast<int64_t*>(out));
  }
  return sizeof(int64_t);
}

size_t gather_block(const Reading& reading, uint32_t block,
                    std::span<const uint16_t> rows, char* out) {
  ColumnType type = reading.column->type();
  if (type.kind == ColumnKind::kString) {
    reading.column->gather_ids(block, rows, reinterpret_cast<uint32_t*>(out));
    return sizeof(uint32_t);
  }
  if (type.kind == ColumnKind::kDouble) {
    reading.column->gather_doubles(block, rows, reinterpret_cast<double*>(out));
  } else {
    reading.column->gather_longs(block, rows, reinterpret_cast<int64_t*>(out));
  }
  return sizeof(int64_t);
}

void count(benchmark::State& state, uint64_t rows, size_t width) {
  double n =
      static_cast<double>(rows) * static_cast<double>(state.iterations());
  state.counters["rows"] = benchmark::Counter(n, benchmark::Counter::kIsRate);
  state.counters["bytes"] = benchmark::Counter(n * static_cast<double>(width),
                                               benchmark::Counter::kIsRate,
                                               benchmark::Counter::kIs1024);
}

void scan(benchmark::State& state, const Reading& reading) {
  alignas(64) char out[kBlockRows * 8];
  size_t width = 0;
  for (auto _ : state) {
    for (uint32_t b = 0; b < reading.segment->num_blocks(); ++b) {
      width = read_block(reading, b, out);
      benchmark::DoNotOptimize(out);
    }
  }
  count(state, reading.segment->num_rows(), width);
}

// One row of `one_of`.
void gather(benchmark::State& state, const Reading& reading, uint32_t one_of) {
  std::mt19937_64 random(1);
  std::vector<uint16_t> rows;
  for (uint32_t i = 0; i < kBlockRows; ++i) {
    if (random() % one_of == 0) rows.push_back(static_cast<uint16_t>(i));
  }
  alignas(64) char out[kBlockRows * 8];
  size_t width = 0;
  uint32_t full = reading.segment->num_rows() / kBlockRows;
  for (auto _ : state) {
    for (uint32_t b = 0; b < full; ++b) {
      width = gather_block(reading, b, rows, out);
      benchmark::DoNotOptimize(out);
    }
  }
  count(state, full * rows.size(), width);
}

// The machine's side: a sum over `rows` values that lie in memory.
template <class T>
void plain_sum(benchmark::State& state, uint32_t rows) {
  std::vector<T> values(rows, 3);
  for (auto _ : state) {
    T sum = 0;
    for (T value : values) sum += value;
    benchmark::DoNotOptimize(sum);
  }
  count(state, rows, sizeof(T));
}

int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc != 2) {
    fmt::print(stderr, "usage: column_perf SEGMENT [--benchmark_...]\n");
    return 2;
  }
  auto segment = open_segment(argv[1]);
  if (!segment) {
    fmt::print(stderr, "{}\n", segment.error().message);
    return 1;
  }
  uint32_t rows = (*segment)->num_rows();
  benchmark::RegisterBenchmark("sum of longs in memory", plain_sum<uint64_t>,
                               rows);
  benchmark::RegisterBenchmark("sum of ids in memory", plain_sum<uint32_t>,
                               rows);
  for (const ColumnSpec& spec : (*segment)->schema().columns) {
    auto column = (*segment)->column(spec.name);
    if (!column) {
      fmt::print(stderr, "{}\n", column.error().message);
      return 1;
    }
    Reading reading{*segment, *column};
    benchmark::RegisterBenchmark(("scan " + spec.name).c_str(), scan, reading);
    for (uint32_t one_of : {25u, 1000u}) {
      std::string name = fmt::format("gather 1/{} {}", one_of, spec.name);
      benchmark::RegisterBenchmark(name.c_str(), gather, reading, one_of);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) { return freshet::run(argc, argv); }
