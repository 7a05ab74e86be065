// RetailGenerator: what the generators of the starter datasets share: pace,
// late events, the end of the run, the time member and the columns of the model
// that the retail events do not know. Used by one thread.
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
#include "server/demo/story.h"
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

  // The run ends by time; one of a given number of rows by those.
  bool is_over(Timestamp arrived) const {
    return arrived > kMaxTimestamp ||
           (!options_.rows && arrived >= options_.end);
  }
  // Tells the ledger of a story in the run's range; its bit in
  // EventFacts::stories, or 0 if it does not happen in there. An event outside
  // of the story's windows is none of it, whatever its bits.
  uint32_t add_story(Story story, const char* name, std::string where);
  // Events in the hours around a change of the clocks are a story of their own.
  void add_clock_change();
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

  // ,"name":"text" of text that needs no escapes.
  static void append_text(std::string& line, const char* name,
                          std::string_view text);
  static void append_flag(std::string& line, const char* name, bool flag);
  // ,"name":units at `scale`
  static void append_number(std::string& line, const char* name, int64_t units,
                            int scale);
  static void append_member(std::string& line, int64_t member);  // < 0: none
  static void append_voucher(std::string& line, int64_t voucher, bool ring);

  const GeneratorOptions options_;
  const uint64_t run_;  // differs by seed, dataset and start
  std::shared_ptr<const RetailWorld> world_;
  Random random_;
  const double pace_;  // events a second
  TimeText times_;
  EventShape shape_;

 private:
  std::string time_member_;  // {"ts":
  std::vector<int> measure_of_known_;
  std::optional<ColumnValues> extras_;
  // Those of the stories that happen at `t`.
  uint32_t within_windows(uint32_t stories, Timestamp t) const;
  uint32_t clock_change_ = 0;  // its bit; or 0
  uint64_t seq_ = 0;
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
Result<std::unique_ptr<EventGenerator>> make_loyalty_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);
Result<std::unique_ptr<EventGenerator>> make_carts_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);
Result<std::unique_ptr<EventGenerator>> make_returns_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);
Result<std::unique_ptr<EventGenerator>> make_shipments_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);
Result<std::unique_ptr<EventGenerator>> make_temperatures_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);
Result<std::unique_ptr<EventGenerator>> make_forecasts_generator(
    const DatasetModel& dataset, const GeneratorOptions& options);

// The columns of the starter model's datasets.
std::span<const RetailGenerator::Known> sales_columns();
std::span<const RetailGenerator::Known> orders_columns();
std::span<const RetailGenerator::Known> inventory_columns();
std::span<const RetailGenerator::Known> loyalty_columns();
std::span<const RetailGenerator::Known> carts_columns();
std::span<const RetailGenerator::Known> returns_columns();
std::span<const RetailGenerator::Known> shipments_columns();
std::span<const RetailGenerator::Known> temperatures_columns();
std::span<const RetailGenerator::Known> forecasts_columns();

}  // namespace freshet
