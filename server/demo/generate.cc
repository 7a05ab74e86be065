#include "server/demo/generate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <thread>

#include "server/demo/company.h"
#include "server/demo/seeded_random.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int64_t kDayMs = 86'400'000;
constexpr double kDaySeconds = 86'400;
constexpr int64_t kMostDays = 3660;
constexpr size_t kDuplicateDistance = 200;  // events until it comes again
constexpr uint64_t kProgressEvery = 1 << 16;

// Lines that no dataset accepts.
constexpr const char* kBadLines[] = {
    R"({"ts":"2026-11-22T10:00:00Z","qty":)",  // cut off
    "not json at all",
    R"({"ts":"yesterday at noon"})",
    R"({"ts":"20260-11-22T10:00:00Z"})",
    R"(["an","array"])",
    R"({})",  // no time
};

// Sends lines and keeps the ledger; repeats some and puts in bad ones.
class Run {
 public:
  Run(const DatasetModel& dataset, const GenerateOptions& options,
      EventGenerator& generator, EventSink& sink)
      : options_(options),
        generator_(generator),
        sink_(sink),
        ledger_(dataset, generator.shape(), options.partitions),
        random_(mix64(options.seed, "faults")) {}

  Status run() {
    std::string line;
    EventFacts facts;
    auto begun = Clock::now();
    for (uint64_t rows = 0; generator_.next(line, facts);) {
      TRY(send(line, facts));
      TRY(add_faults(line, facts));
      ++rows;
      if (options_.rate > 0) TRY(keep_pace(begun, rows));
      if (options_.progress && rows % kProgressEvery == 0)
        options_.progress(rows);
      if (options_.stop && options_.stop->load(std::memory_order_relaxed))
        break;
    }
    while (!repeats_.empty()) TRY(send_oldest_repeat());
    if (options_.progress) options_.progress(ledger_.rows());
    return sink_.finish();
  }
  Ledger take_ledger() { return std::move(ledger_); }

 private:
  struct Repeat {
    std::string line;
    EventFacts facts;
    uint64_t due;
  };

  Status send(std::string_view line, const EventFacts& facts) {
    TRY(sink_.append(facts.partition, line));
    ledger_.add(facts);
    return {};
  }

  Status add_faults(const std::string& line, const EventFacts& facts) {
    if (options_.duplicates > 0 && random_.chance(options_.duplicates)) {
      EventFacts again = facts;
      again.kind = EventFacts::Kind::kDuplicate;
      repeats_.push_back({line, std::move(again),
                          facts.seq + random_.below(kDuplicateDistance)});
    }
    while (!repeats_.empty() && repeats_.front().due <= facts.seq)
      TRY(send_oldest_repeat());
    if (options_.bad_lines > 0 && random_.chance(options_.bad_lines)) {
      EventFacts bad;
      bad.kind = EventFacts::Kind::kBad;
      bad.partition = facts.partition;
      TRY(send(kBadLines[random_.below(std::size(kBadLines))], bad));
    }
    return {};
  }

  Status send_oldest_repeat() {
    Status sent = send(repeats_.front().line, repeats_.front().facts);
    repeats_.pop_front();
    return sent;
  }

  Status keep_pace(Clock::time_point begun, uint64_t rows) {
    auto due = begun + std::chrono::duration_cast<Clock::duration>(
                           std::chrono::duration<double>(
                               static_cast<double>(rows) / options_.rate));
    if (due < Clock::now() + std::chrono::milliseconds(10)) return {};
    TRY(sink_.flush());
    std::this_thread::sleep_until(due);
    return {};
  }

  const GenerateOptions& options_;
  EventGenerator& generator_;
  EventSink& sink_;
  Ledger ledger_;
  Random random_;
  std::deque<Repeat> repeats_;
};

GeneratorOptions generator_options(const std::string& dataset,
                                   const GenerateOptions& options) {
  GeneratorOptions result;
  result.seed = options.seed;
  if (options.days == 0) result.rows = options.rows;
  result.per_second = TrafficLevel{}.per_day(dataset) / kDaySeconds;
  result.late = options.late;
  result.partitions = options.partitions;
  Timestamp today{now().ms / kDayMs * kDayMs};
  result.end = options.end.value_or(today);
  result.start = options.start.value_or(Timestamp{
      result.end.ms - (options.days > 0 ? options.days : 7) * kDayMs});
  if (options.rate > 0 && !options.start && !options.end) {
    // As long as the run will take; the curve has no say in a paced run.
    result.start = now();
    double takes_ms = static_cast<double>(options.rows) / options.rate * 1000;
    result.end = Timestamp{
        result.start.ms + std::max<int64_t>(1, static_cast<int64_t>(takes_ms))};
    result.opening_stock = false;
  }
  return result;
}

Status write_file(const std::string& path, const std::string& text) {
  TRY_ASSIGN(auto file, open_file_sink(path));
  TRY(file->append(0, text));
  return file->finish();
}

bool is_share(double v) { return v >= 0 && v < 1; }

}  // namespace

Result<Ledger> run_generate(const DatasetModel& dataset,
                            const GenerateOptions& options, EventSink& sink) {
  if (options.rows > 0 && options.days != 0)
    return invalid(fmt::format("either --rows or --days: {} and {}",
                               options.rows, options.days));
  if (options.days < 0 || options.days > kMostDays)
    return invalid(fmt::format("--days must be from 1 to {}: {}", kMostDays,
                               options.days));
  if (options.rows == 0 && options.days == 0)
    return invalid("--rows must be at least 1: 0");
  if (options.rate > 0 && options.days > 0)
    return invalid("--rate paces --rows; --days have their own pace");
  if (!(options.rate >= 0))
    return invalid(
        fmt::format("--rate must not be negative: {}", options.rate));
  if (!is_share(options.duplicates) || !is_share(options.bad_lines) ||
      !is_share(options.late))
    return invalid(fmt::format(
        "shares of duplicates, bad lines and late events are from 0 to 1: "
        "{}, {}, {}",
        options.duplicates, options.bad_lines, options.late));
  TRY_ASSIGN(
      auto generator,
      make_event_generator(dataset, generator_options(dataset.name, options)));
  Run run(dataset, options, *generator, sink);
  TRY(run.run());
  Ledger ledger = run.take_ledger();
  if (!options.ledger_path.empty())
    TRY(write_file(options.ledger_path, ledger.to_json(sink.offsets())));
  return ledger;
}

}  // namespace freshet
