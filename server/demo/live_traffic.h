// The traffic of `freshet demo`: a history of the starter datasets, and live
// events that go on where it ends, at the same level, so that today compares
// with last week.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "segments/mutex.h"
#include "server/demo/company.h"
#include "server/demo/event_generator.h"

namespace freshet {

// The events of [start, end), in order of arrival.
Result<std::unique_ptr<EventGenerator>> make_history(
    const DatasetModel& dataset, uint64_t seed, Timestamp start, Timestamp end,
    const TrafficLevel& level = {});

// Sends events at the wall clock's time from its own thread until stopped.
// start() and stop() from one thread; the counters from any.
class LiveTraffic {
 public:
  struct Options {
    uint64_t seed = 1;
    // Events a second of all datasets together. Sales and orders stay at their
    // level, since more of them would make nonsense of the comparisons; stock
    // readings, of which only the newest counts, make up the rest. Nothing: as
    // the business goes, and stock is told only where it has changed.
    std::optional<double> rate;
    TrafficLevel level;
    int64_t tick_ms = 100;
  };
  // Takes a batch of events (JSON objects) of one dataset. After an error the
  // batch is lost and counted as failed; the traffic goes on.
  using Append = std::function<Status(const std::string& dataset,
                                      const std::vector<std::string>& events)>;

  // `datasets` are copied. kInvalid and kUnsupported as make_event_generator.
  static Result<std::unique_ptr<LiveTraffic>> start(
      std::vector<DatasetModel> datasets, const Options& options,
      Append append);
  // Stops.
  ~LiveTraffic();
  // Ends the thread and waits for it; a second call does nothing.
  void stop();

  uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }
  uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  // One dataset's generator and its next event, which is not due yet.
  struct Feed {
    const DatasetModel* dataset;
    std::unique_ptr<EventGenerator> generator;
    std::string line;
    EventFacts facts;
  };
  LiveTraffic(std::vector<DatasetModel> datasets, const Options& options,
              Append append);
  Status open_feeds(Timestamp from);
  double per_second(const DatasetModel& dataset) const;
  void run();
  void send_due(Feed& feed, Timestamp until);
  bool wait_tick();

  const std::vector<DatasetModel> datasets_;
  const Options options_;
  const Append append_;
  std::vector<Feed> feeds_;  // of the thread, once it runs
  std::atomic<uint64_t> sent_{0}, failed_{0};
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace freshet
