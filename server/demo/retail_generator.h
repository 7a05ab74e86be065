// RetailGenerator: what the generators of sales, orders and inventory share:
// pace, late events, the end of the run, the time member and the columns of the
// model that the retail events do not know. Used by one thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/demo/column_values.h"
#include "server/demo/event_generator.h"
#include "server/demo/event_text.h"
#include "server/demo/retail_world.h"
#include "server/demo/traffic_curve.h"

namespace freshet {

class RetailGenerator : public EventGenerator {
 public:
  const EventShape& shape() const override { return shape_; }
  bool next(std::string& line, EventFacts& facts) final;

  // A column that retail events carry.
  struct Known {
    const char* name;
    ColumnType type;
  };
  // Measures for those of `known` that the model has, generic values for the
  // model's other columns. REQUIRES: called once, before next().
  Status prepare(const DatasetModel& dataset, std::span<const Known> known);

 protected:
  RetailGenerator(const DatasetModel& dataset, const GeneratorOptions& options,
                  TrafficCurve::Shape curve);
  // Moves to the next event: sets time, group and first_of_key of `facts`;
  // false if it would be at or after the end. The group is a store.
  virtual bool step(EventFacts& facts) = 0;
  // Appends the known members, each with a comma before it, and sets measures.
  virtual void write(std::string& line, EventFacts& facts) = 0;

  // The arrival of `events` more: somewhere around their due time, so that
  // their number keeps to the curve.
  Timestamp arrival(int events);
  // Now and then an event is minutes older than its arrival.
  Timestamp maybe_late(Timestamp t);
  // Sets the measure of the known column with this position, if there is one.
  void measure(EventFacts& facts, size_t known, int64_t units) const {
    int i = measure_of_known_[known];
    if (i < 0) return;
    facts.units[static_cast<size_t>(i)] = units;
    facts.present[static_cast<size_t>(i)] = 1;
  }
  const RetailStore& store(const EventFacts& facts) const {
    return world_->stores[static_cast<size_t>(facts.group)];
  }

  const GeneratorOptions options_;
  const uint64_t run_;  // differs by seed, dataset and start
  std::shared_ptr<const RetailWorld> world_;
  Random random_;
  const double pace_;  // events a second
  TrafficClock clock_;
  TimeText times_;
  EventShape shape_;

 private:
  std::string time_member_;  // {"ts":
  std::vector<int> measure_of_known_;
  std::optional<ColumnValues> extras_;
  uint64_t seq_ = 0;
  double last_jitter_ = 0;
};

// Whether the model's columns of these names have these types and places, and
// at least half of them are there.
bool knows_columns(const DatasetModel& dataset,
                   std::span<const RetailGenerator::Known> known);

// REQUIRES: knows_columns(dataset, ..._columns()).
Result<std::unique_ptr<EventGenerator>> make_sales_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);
Result<std::unique_ptr<EventGenerator>> make_orders_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);
Result<std::unique_ptr<EventGenerator>> make_inventory_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);

// The columns of the starter model's datasets.
std::span<const RetailGenerator::Known> sales_columns();
std::span<const RetailGenerator::Known> orders_columns();
std::span<const RetailGenerator::Known> inventory_columns();

}  // namespace freshet
