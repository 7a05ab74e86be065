#include "server/demo/live_traffic.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace freshet {
namespace {

constexpr double kDaySeconds = 86'400;
// After a longer pause (a suspended laptop) the traffic starts anew instead of
// making up for it.
constexpr int64_t kLongestPauseMs = 30'000;
// So many shelves are looked at; what has changed is told.
constexpr double kLooksPerSecond = 50;

}  // namespace

Result<std::unique_ptr<EventGenerator>> make_history(
    const DatasetModel& dataset, uint64_t seed, Timestamp start, Timestamp end,
    const TrafficLevel& level) {
  GeneratorOptions options;
  options.seed = seed;
  options.start = start;
  options.end = end;
  options.per_second = level.per_day(dataset.name) / kDaySeconds;
  return make_event_generator(dataset, options);
}

Result<std::unique_ptr<LiveTraffic>> LiveTraffic::start(
    std::vector<DatasetModel> datasets, const Options& options, Append append) {
  std::unique_ptr<LiveTraffic> traffic(
      new LiveTraffic(std::move(datasets), options, std::move(append)));
  TRY(traffic->open_feeds(now()));
  traffic->thread_ = std::thread([t = traffic.get()] { t->run(); });
  return traffic;
}

LiveTraffic::LiveTraffic(std::vector<DatasetModel> datasets,
                         const Options& options, Append append)
    : datasets_(std::move(datasets)),
      options_(options),
      append_(std::move(append)) {}

LiveTraffic::~LiveTraffic() { stop(); }

void LiveTraffic::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.signal_all();
  }
  if (thread_.joinable()) thread_.join();
}

double LiveTraffic::per_second(const DatasetModel& dataset) const {
  double own = options_.level.per_day(dataset.name) / kDaySeconds;
  if (dataset.name != "inventory") return own;
  if (!options_.rate) return kLooksPerSecond;
  double rest = *options_.rate;
  for (const DatasetModel& other : datasets_)
    if (&other != &dataset)
      rest -= options_.level.per_day(other.name) / kDaySeconds;
  return std::max(own, rest);
}

Status LiveTraffic::open_feeds(Timestamp from) {
  std::vector<Feed> feeds;
  for (const DatasetModel& dataset : datasets_) {
    GeneratorOptions options;
    options.seed = options_.seed;
    options.start = from;
    options.end = kMaxTimestamp;
    options.per_second = per_second(dataset);
    options.opening_stock = false;
    options.changed_stock_only = !options_.rate.has_value();
    Feed feed;
    feed.dataset = &dataset;
    TRY_ASSIGN(feed.generator, make_event_generator(dataset, options));
    feed.generator->next(feed.line, feed.facts);
    feeds.push_back(std::move(feed));
  }
  feeds_ = std::move(feeds);
  return {};
}

void LiveTraffic::run() {
  Timestamp last = now();
  while (wait_tick()) {
    Timestamp until = now();
    if (until.ms - last.ms > kLongestPauseMs || until < last) {
      spdlog::info("demo traffic starts anew after a pause of {} ms",
                   until.ms - last.ms);
      // The same options opened before.
      if (!open_feeds(until)) return;
    }
    last = until;
    for (Feed& feed : feeds_) send_due(feed, until);
  }
}

void LiveTraffic::send_due(Feed& feed, Timestamp until) {
  std::vector<std::string> events;
  while (feed.facts.time <= until) {
    events.push_back(feed.line);
    if (!feed.generator->next(feed.line, feed.facts)) break;
  }
  if (events.empty()) return;
  Status appended = append_(feed.dataset->name, events);
  if (appended) {
    sent_.fetch_add(events.size(), std::memory_order_relaxed);
    return;
  }
  // The first one, then every thousandth, lest the log fill up.
  uint64_t before = failed_.fetch_add(events.size(), std::memory_order_relaxed);
  if (before / 1000 != (before + events.size()) / 1000 || before == 0)
    spdlog::warn("demo traffic: {} events of {} were not taken: {}",
                 events.size(), feed.dataset->name, appended.error().message);
}

bool LiveTraffic::wait_tick() {
  MutexLock lock(mutex_);
  if (!stopping_) wake_.wait_for(mutex_, absl::Milliseconds(options_.tick_ms));
  return !stopping_;
}

}  // namespace freshet
