// The state of one alert instance and how an observation moves it. Pure
// values: no clock, no storage, no threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "segments/result.h"
#include "segments/time.h"
#include "server/model/model.h"
#include "server/query/value.h"

namespace freshet {

using AlertLabels = std::map<std::string, std::string>;

enum class AlertState { kOk, kPending, kFiring, kNoData };
const char* alert_state_name(AlertState state);  // "ok", "pending", ...

// What an evaluation saw. Two clocks: `t` is the data's (DataClock), `now` the
// wall's.
struct Observation {
  Value value;  // null: no data, or fewer than min_rows
  Timestamp t, now;
};

struct AlertInstance {
  AlertLabels labels;  // of `by`
  AlertState state = AlertState::kOk;
  Value value;                        // the last that was seen
  std::optional<Timestamp> since;     // data time at which `state` began
  std::optional<Timestamp> breached;  // data time from which `when` has held
  std::optional<Timestamp> clear;     // data time from which it has recovered
  std::optional<Timestamp> unknown;   // wall time from which there was no value
  bool for_no_data = false;           // firing because of no_data: alert
};

// The instance after `seen`:
//   ok ─when→ pending ─when for `for`→ firing ─recovered for
//   `keep_firing_for`→ ok; pending ─not when→ ok.
// `for` and `keep_firing_for` run on the data's clock, so that a late start
// over old data does not fire by itself; `no_data_for` runs on the wall's,
// as the data's may stand still just then. After it, no_data says what becomes
// of the instance: ok; alert (firing); keep (firing stays, else no_data).
AlertInstance advance(const AlertModel& rule, AlertInstance instance,
                      const Observation& seen);

// Whether two states differ in what must outlive a restart (not the value).
bool same_state(const AlertInstance& a, const AlertInstance& b);

std::string instance_to_json(const AlertInstance& instance);
Result<AlertInstance> instance_from_json(std::string_view json);

// 16 hexadecimal digits that identify a set of labels (FNV-1a as Prometheus
// hashes them).
std::string fingerprint(const AlertLabels& labels);

}  // namespace freshet
