// KPI definitions -> queries -> answers. Thread-safe; owned by the application.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/kpi/restated_of.h"
#include "server/model/model.h"
#include "server/query/runner.h"

namespace freshet {

// One question about one KPI; the keys of GET /api/v1/kpis/{k}/value and of
// each entry of POST /api/v1/kpis/query.
struct KpiRequest {
  std::string kpi;
  std::string range = "today";  // or from/to
  std::string from, to;         // ISO 8601; both or neither
  std::string tz = "UTC";
  std::string grain;  // "" = no series
  // Dimensions of the KPI, or parts_of_time(); "" = no rows.
  std::vector<std::string> by;
  std::string order = "value";  // value | asc | name
  std::optional<uint32_t> top;
  std::string filter;   // "store:S01,S02;channel:!web"
  std::string compare;  // "" = none
  // Whether provenance says why cubes were not used. Segments are looked at
  // for that whose results are kept from before.
  bool why_not = false;
  // How many rows each number was made from; for callers inside the server,
  // and only without a grain.
  bool count_rows = false;
  bool operator==(const KpiRequest&) const = default;
};

// A KPI's number: exact where it is decimal or integer.
using KpiNumber = Value;

struct KpiAnswer {
  const KpiModel* kpi = nullptr;  // of `model`
  std::shared_ptr<const Model> model;
  Interval range;  // what "today" meant, in UTC
  // The first event of its datasets, where the range begins before it.
  std::optional<Timestamp> begins;
  std::string tz;
  KpiNumber value;     // null: no data or division by zero
  std::string reason;  // why the value is null, for people
  struct Point {
    Timestamp t;
    KpiNumber value;
    // The bucket is not over at `as_of`, or the range cuts it. A bucket that
    // has not begun is partial and has no value.
    bool partial = false;
    // It was complete, then late events changed it.
    bool restated = false;
  };
  struct Compare {
    std::string kind;
    Interval range;
    KpiNumber value, change;
    std::optional<double> change_ratio;
    // The buckets of `range`, at the times of ours; the one that stands beside
    // our running one is cut to the same elapsed part.
    std::vector<Point> series;
    // How the compared range went on: whole buckets from the one that was cut
    // on, at the times of ours. Not part of `value`.
    std::vector<Point> ahead;
  };
  std::optional<Compare> compare;
  struct Pace {
    KpiNumber expected;  // of the target, by now
    bool on_pace = false;
    int weeks = 0;  // that the expectation was taken from; 0: elapsed time
  };
  struct Target {
    KpiNumber value;  // scaled to the range
    std::optional<double> attained;
    std::optional<Pace> pace;  // of a target that fills up over a running range
  };
  std::optional<Target> target;
  std::string target_omitted;  // why the KPI's target is not here, for people
  std::string grain;           // of the series; "" without one
  std::vector<Point> series;
  struct Row {
    std::vector<Value> by;  // in the order of the request
    KpiNumber value;
    std::optional<KpiNumber> compare;
    std::optional<Target> target;  // of a KPI whose targets are by this
    uint64_t num_rows = 0;         // with count_rows
  };
  std::vector<std::string> by;
  std::vector<Row> rows;
  uint64_t total_rows = 0;
  std::optional<std::pair<KpiNumber, uint64_t>> rest;  // value, count
  uint64_t num_rows = 0;                               // with count_rows
  std::optional<Timestamp> newest;  // newest event, when there is no data
  Provenance provenance;
};

// How far the data of a KPI goes, the least of its datasets.
struct KpiFreshness {
  // Event time up to which it is complete; kMinTimestamp if nothing was read.
  Timestamp as_of = kMinTimestamp;
  // Nothing that the sources have is missing.
  bool caught_up = false;
};

// Of the absolute compared value; nothing where that is 0 or there is none.
std::optional<double> change_ratio(const KpiNumber& change,
                                   const KpiNumber& before);

struct DriversRequest;
struct KpiDrivers;

class Kpis {
 public:
  // `runner` must outlive this. `model` gives the current model at each call;
  // `limits` hold for each answer as a whole. Without `restated` no bucket is
  // marked.
  static std::unique_ptr<Kpis> create(
      Runner& runner, std::function<std::shared_ptr<const Model>()> model,
      Limits limits = {}, RestatedOf restated = nullptr);
  virtual ~Kpis() = default;
  // kNotFound: unknown KPI (with the nearest name); kInvalid: dimension not
  // allowed, reversed range, unknown zone, more than 10,000 buckets, ...;
  // kDeadline, kCancelled, kLimit.
  virtual Result<KpiAnswer> answer(const KpiRequest& request,
                                   CancelFlag cancel = nullptr) = 0;
  // Answers in the order of `requests`, all over the same rows and at the same
  // time, so that their numbers tie; equal requests are computed once.
  virtual std::vector<Result<KpiAnswer>> answer_all(
      const std::vector<KpiRequest>& requests, CancelFlag cancel = nullptr) = 0;
  // What drove the change against the compared range. Errors: those of
  // answer().
  virtual Result<KpiDrivers> drivers(const DriversRequest& request,
                                     CancelFlag cancel = nullptr) = 0;
  // Without a query. kNotFound, kUnavailable.
  virtual Result<KpiFreshness> freshness(const std::string& kpi) = 0;
};

// "today", "yesterday", "this_week", "last_7d", "mtd", "qtd", "ytd",
// "last_30d", "this_month", "-4h", ... relative to `now` in `zone`.
Result<Interval> resolve_range(std::string_view range, std::string_view from,
                               std::string_view to, Timestamp now,
                               const absl::TimeZone& zone);

// What any KPI can be grouped by and filtered on besides its own dimensions, in
// the request's zone: "__hour" (0 to 23) and "__weekday" (1 is Monday, 7
// Sunday).
const std::vector<std::string>& parts_of_time();

// "store:S01,S02;channel:!web" over allowed dimensions and parts_of_time(),
// which are columns of it here ("__hour:9,10"); null if empty.
Result<ExpressionPtr> parse_kpi_filter(std::string_view filter,
                                       const KpiModel& kpi);
// The same over given dimensions, `whose` they are: "kpi 'net_sales'".
Result<ExpressionPtr> parse_kpi_filter(std::string_view filter,
                                       std::vector<std::string> dimensions,
                                       std::string_view whose);

// From the query parameters of GET (name, value) or one entry of a POST body.
// Unknown keys are errors that name the nearest known one.
Result<KpiRequest> parse_kpi_request(
    const std::vector<std::pair<std::string, std::string>>& parameters);
class JsonValue;
Result<KpiRequest> parse_kpi_request(const JsonValue& body);

// The answer as CONTRACT's JSON object.
std::string to_json(const KpiAnswer& answer);
// What a cube costs: of all its sealed segments together.
struct CubeCost {
  uint64_t bytes = 0, rows = 0;
  uint64_t segments = 0;    // that have it
  uint64_t data_bytes = 0;  // of these segments, cubes and all
};
using CubeCosts = std::map<std::string, CubeCost>;  // by "sales.auto_1"
// Of the cubes that serve `kpi`. Segments that cannot be read are left out.
CubeCosts cube_costs(const KpiModel& kpi, const DatasetCatalog& catalog);
// Definition of a KPI as JSON (GET /api/v1/kpis/{k}), with its SQL.
std::string to_json(const KpiModel& kpi, const Model& model,
                    const CubeCosts& costs = {});
// A dashboard as JSON (GET /api/v1/dashboards/{d}).
std::string to_json(const DashboardModel& dashboard, const Model& model);

// The requests that draw a dashboard, one per tile (text tiles: none, kpi
// empty), with the viewer's overrides.
struct DashboardView {
  // "" = the default; `grain` is that of all lines.
  std::string range, from, to, compare, tz, filter, grain;
};
std::vector<KpiRequest> tile_requests(const DashboardModel& dashboard,
                                      const DashboardView& view);
// kInvalid, naming the parameter, if no tile can be drawn so: an unknown zone,
// range, comparison or grain. What a filter may name differs between the tiles:
// each says for itself that its KPI lacks a dimension.
Status check_view(const DashboardModel& dashboard, const DashboardView& view);

}  // namespace freshet
