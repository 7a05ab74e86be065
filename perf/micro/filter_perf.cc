// filter_perf SEGMENT COLUMN=VALUE COLUMN=VALUE... [--benchmark_...]: how fast
// the inverted index of a sealed segment answers predicates: the AND of the
// values' bitmaps, the numbers of its rows, and the sum of each long column
// over them, beside the sum over all rows. Counters: rows of the segment a
// second; `hit`, the part of the rows that pass.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "segments/sealed_segment.h"

namespace freshet {
namespace {

struct Predicates {
  std::shared_ptr<const Segment> segment;
  std::vector<const Bitmap*> bitmaps;  // one of each, at least one
};

Bitmap all_of(const Predicates& predicates) {
  Bitmap rows = predicates.bitmaps[0]->clone();
  for (size_t i = 1; i < predicates.bitmaps.size(); ++i) {
    rows = rows & *predicates.bitmaps[i];
  }
  return rows;
}

void count(benchmark::State& state, const Predicates& predicates) {
  double rows = predicates.segment->num_rows();
  state.counters["rows"] =
      benchmark::Counter(rows * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
  state.counters["hit"] =
      static_cast<double>(all_of(predicates).cardinality()) / rows;
}

void bitmap_and(benchmark::State& state, const Predicates& predicates) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(all_of(predicates).cardinality());
  }
  count(state, predicates);
}

void row_numbers(benchmark::State& state, const Predicates& predicates) {
  Bitmap passing = all_of(predicates);
  std::vector<uint16_t> rows;
  for (auto _ : state) {
    for (uint32_t b = 0; b < predicates.segment->num_blocks(); ++b) {
      rows.clear();
      passing.rows_in(b * kBlockRows, (b + 1) * kBlockRows, rows);
      benchmark::DoNotOptimize(rows.data());
    }
  }
  count(state, predicates);
}

void sum_of_passing(benchmark::State& state, const Predicates& predicates,
                    const Column* column) {
  std::vector<uint16_t> rows;
  alignas(64) int64_t out[kBlockRows];
  for (auto _ : state) {
    Bitmap passing = all_of(predicates);
    int64_t sum = 0;
    for (uint32_t b = 0; b < predicates.segment->num_blocks(); ++b) {
      rows.clear();
      passing.rows_in(b * kBlockRows, (b + 1) * kBlockRows, rows);
      if (rows.empty()) continue;
      column->gather_longs(b, rows, out);
      for (size_t i = 0; i < rows.size(); ++i) sum += out[i];
    }
    benchmark::DoNotOptimize(sum);
  }
  count(state, predicates);
}

void sum_of_all(benchmark::State& state, const Predicates& predicates,
                const Column* column) {
  alignas(64) int64_t out[kBlockRows];
  for (auto _ : state) {
    int64_t sum = 0;
    for (uint32_t b = 0; b < predicates.segment->num_blocks(); ++b) {
      column->read_longs(b, out);
      uint32_t rows = predicates.segment->block_rows(b);
      for (uint32_t i = 0; i < rows; ++i) sum += out[i];
    }
    benchmark::DoNotOptimize(sum);
  }
  count(state, predicates);
}

Result<const Bitmap*> bitmap_of(const Segment& segment,
                                std::string_view predicate) {
  size_t equals = predicate.find('=');
  if (equals == std::string_view::npos) {
    return invalid("not COLUMN=VALUE: " + std::string(predicate));
  }
  TRY_ASSIGN(const Column* column, segment.column(predicate.substr(0, equals)));
  if (column == nullptr || column->dictionary() == nullptr) {
    return invalid("no text column: " + std::string(predicate));
  }
  auto id = column->dictionary()->find(predicate.substr(equals + 1));
  const Bitmap* rows = id ? column->rows_of(*id) : nullptr;
  if (rows == nullptr) {
    return invalid("no bitmap for: " + std::string(predicate));
  }
  return rows;
}

Status run(const std::string& path, std::span<char*> texts) {
  Predicates predicates;
  TRY_ASSIGN(predicates.segment, open_segment(path));
  for (const char* text : texts) {
    TRY_ASSIGN(const Bitmap* rows, bitmap_of(*predicates.segment, text));
    predicates.bitmaps.push_back(rows);
  }
  benchmark::RegisterBenchmark("and of bitmaps", bitmap_and, predicates);
  benchmark::RegisterBenchmark("row numbers", row_numbers, predicates);
  for (const ColumnSpec& spec : predicates.segment->schema().columns) {
    TRY_ASSIGN(const Column* column, predicates.segment->column(spec.name));
    ColumnKind kind = column->type().kind;
    if (kind == ColumnKind::kString || kind == ColumnKind::kDouble) continue;
    benchmark::RegisterBenchmark(("passing " + spec.name).c_str(),
                                 sum_of_passing, predicates, column);
    benchmark::RegisterBenchmark(("all " + spec.name).c_str(), sum_of_all,
                                 predicates, column);
  }
  benchmark::RunSpecifiedBenchmarks();
  return {};
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 3) {
    fmt::print(stderr, "usage: filter_perf SEGMENT COLUMN=VALUE...\n");
    return 2;
  }
  auto texts = std::span(argv, static_cast<size_t>(argc)).subspan(2);
  freshet::Status done = freshet::run(argv[1], texts);
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().message);
  return 1;
}
