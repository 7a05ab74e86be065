// `freshet generate`: a run of events of one dataset into a sink, and the
// ledger of what a store must then hold.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "server/demo/event_generator.h"
#include "server/demo/event_sink.h"
#include "server/demo/ledger.h"

namespace freshet {

struct GenerateOptions {
  // One of them: so many events, or those that a company like the demo's has in
  // so many days up to the end; then all datasets tell of the same receipts.
  uint64_t rows = 0;
  int64_t days = 0;
  uint64_t seed = 1;
  // Events a second; 0 = as fast as the sink takes them. A paced run without
  // `start` stamps its events with the wall clock's time.
  double rate = 0;
  // Event times. Default: `days`, or the seven days before the last midnight
  // UTC, so a run is the same for a seed all day long. `start` needs `end`.
  std::optional<Timestamp> start, end;
  uint32_t partitions = 4;
  // Faults on top of `rows`: share of events sent once more some events later,
  // and share of lines that must be rejected.
  double duplicates = 0, bad_lines = 0;
  double late = 0.001;                      // share that arrives minutes late
  std::string ledger_path;                  // "" = none is written
  std::function<void(uint64_t)> progress;   // rows so far, now and then
  const std::atomic<bool>* stop = nullptr;  // set: end early, ledger and all
};

// Sends the run and returns its ledger. The ledger counts what the sink
// acknowledged as a whole: after an error no ledger is written.
Result<Ledger> run_generate(const DatasetModel& dataset,
                            const GenerateOptions& options, EventSink& sink);

}  // namespace freshet
