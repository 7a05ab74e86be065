// EventGenerator: the events of one dataset as JSON lines, in order of
// arrival, the same ones for the same options on every machine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "segments/result.h"
#include "segments/schema.h"
#include "segments/time.h"
#include "server/model/model.h"

namespace freshet {

// A numeric column whose sum the ledger states. Longs and decimals count in
// units of 10^-scale. Generated doubles are multiples of 1/64 (and written
// with all their digits), so that their sums are exact too: units of 1/64.
struct Measure {
  std::string name;
  ColumnType type;
};
inline constexpr double kDoubleUnit = 1.0 / 64;

// Something planted in the events, whose size the ledger states.
struct StoryShape {
  std::string name;
  // SQL condition that picks its events, apart from the time; "" if none can.
  std::string where;
  std::vector<Interval> windows;  // its events are in one of them; or none
};

// What the ledger needs to know of a dataset's events.
struct EventShape {
  std::string dataset;
  std::vector<Measure> measures;  // columns that events carry
  std::string group_column;       // "" if none
  std::vector<std::string> group_values;
  std::string key_column;           // counted distinct; "" if none
  std::vector<StoryShape> stories;  // at most 32
};

// What the ledger needs to know of one event.
struct EventFacts {
  enum class Kind : uint8_t {
    kEvent,
    kDuplicate,  // the same text was sent before
    kBad,        // must be rejected; only `partition` holds
  };
  Kind kind = Kind::kEvent;
  bool first_of_key = false;  // the first event with this key
  uint32_t partition = 0;     // where it belongs
  int32_t group = -1;         // in group_values
  uint64_t seq = 0;           // 1, 2, 3, ... in a run
  Timestamp time;
  std::vector<int64_t> units;    // by measure
  std::vector<uint8_t> present;  // by measure; 0 = null
  uint32_t stories = 0;          // bit i: part of shape.stories[i]
  bool late = false;             // its time is minutes before its arrival
};

struct GeneratorOptions {
  uint64_t seed = 1;
  Timestamp start, end;  // event times are in [start, end)
  // One of them: exactly so many events (spread over the range), or so many a
  // second on average over a week.
  std::optional<uint64_t> rows;
  double per_second = 1;
  double late = 0.001;  // share that arrives minutes late
  uint32_t partitions = 1;
  bool opening_stock = true;  // inventory: every article at the start
  // Inventory: a reading that says what was known is left out, so there are
  // fewer than `per_second`.
  bool changed_stock_only = false;
};

// Used by one thread.
class EventGenerator {
 public:
  virtual ~EventGenerator() = default;
  virtual const EventShape& shape() const = 0;
  // Replaces `line` by the next event (without a line end) and tells of it;
  // false at the end.
  virtual bool next(std::string& line, EventFacts& facts) = 0;
};

// The generator of a dataset. Those of the starter model with its columns give
// retail events (columns they do not know are filled by type); any other
// dataset gets values that fit names and types. Two
// column names have a meaning in both: `seq` is the event's number in the run
// and `partition` the partition it is meant for, so that SQL can tell what
// arrived. kInvalid if the range is empty; kUnsupported if the dataset's
// columns cannot be written as JSON (one path inside another).
Result<std::unique_ptr<EventGenerator>> make_event_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);

}  // namespace freshet
