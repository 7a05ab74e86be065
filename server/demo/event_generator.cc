#include "server/demo/event_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/demo/column_values.h"
#include "server/demo/retail_generator.h"

namespace freshet {
namespace {

// Events of a dataset we know nothing of but its columns, evenly in time.
class PlainGenerator final : public EventGenerator {
 public:
  static Result<std::unique_ptr<EventGenerator>> make(
      const DatasetModel& dataset, const GeneratorOptions& options) {
    auto result =
        std::unique_ptr<PlainGenerator>(new PlainGenerator(dataset, options));
    std::vector<const ColumnModel*> columns;
    for (const ColumnModel& column : dataset.columns)
      if (!column.derived) columns.push_back(&column);
    TRY_ASSIGN(result->values_,
               ColumnValues::make(dataset, columns, true, result->shape_));
    return std::unique_ptr<EventGenerator>(std::move(result));
  }

  const EventShape& shape() const override { return shape_; }

  bool next(std::string& line, EventFacts& facts) override {
    if (options_.rows && seq_ == *options_.rows) return false;
    time_ms_ += random_.uniform() * 2 * gap_ms_;
    Timestamp time{static_cast<int64_t>(time_ms_)};
    if (time >= options_.end && !options_.rows) return false;
    if (random_.chance(options_.late))
      time.ms -= 60'000 + static_cast<int64_t>(random_.below(20 * 60'000));
    facts.kind = EventFacts::Kind::kEvent;
    facts.units.assign(shape_.measures.size(), 0);
    facts.present.assign(shape_.measures.size(), 0);
    facts.time =
        std::clamp(time, options_.start, Timestamp{options_.end.ms - 1});
    facts.seq = ++seq_;
    facts.first_of_key = !shape_.key_column.empty();
    facts.group = -1;
    if (!shape_.group_values.empty()) values_.draw_group(random_, facts);
    facts.partition = static_cast<uint32_t>(
        (facts.group >= 0 ? static_cast<uint64_t>(facts.group) : seq_) %
        options_.partitions);
    line.assign(1, '{');
    values_.append(random_, times_, line, facts);
    line.push_back('}');
    return true;
  }

 private:
  PlainGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : options_(options),
        random_(mix64(mix64(options.seed, dataset.name),
                      static_cast<uint64_t>(options.start.ms))),
        times_(dataset.time_format),
        time_ms_(static_cast<double>(options.start.ms)) {
    shape_.dataset = dataset.name;
    double range = static_cast<double>(options.end.ms - options.start.ms);
    double rows =
        static_cast<double>(std::max<uint64_t>(1, options.rows.value_or(1)));
    // A little faster, so that the last rows do not pile up at the end.
    gap_ms_ = options.rows ? range / rows / (1 + 3 / std::sqrt(rows))
                           : 1000 / std::max(options.per_second, 1e-9);
  }

  const GeneratorOptions options_;
  Random random_;
  TimeText times_;
  EventShape shape_;
  ColumnValues values_;
  double time_ms_;
  double gap_ms_ = 0;
  uint64_t seq_ = 0;
};

struct RetailDataset {
  const char* name;
  std::span<const RetailGenerator::Known> (*columns)();
  Result<std::unique_ptr<EventGenerator>> (*make)(const DatasetModel&,
                                                  const GeneratorOptions&);
};
constexpr RetailDataset kRetailDatasets[] = {
    {"sales", sales_columns, make_sales_generator},
    {"orders", orders_columns, make_orders_generator},
    {"inventory", inventory_columns, make_inventory_generator},
    {"loyalty", loyalty_columns, make_loyalty_generator},
    {"carts", carts_columns, make_carts_generator},
    {"returns", returns_columns, make_returns_generator},
    {"shipments", shipments_columns, make_shipments_generator},
    {"temperatures", temperatures_columns, make_temperatures_generator},
    {"forecasts", forecasts_columns, make_forecasts_generator},
};

}  // namespace

Result<std::unique_ptr<EventGenerator>> make_event_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  if (options.end <= options.start)
    return invalid(fmt::format("the range of event times is empty: {} to {}",
                               to_iso8601(options.start),
                               to_iso8601(options.end)));
  if (options.partitions == 0)
    return invalid("the number of partitions must be at least 1: 0");
  for (const RetailDataset& retail : kRetailDatasets)
    if (dataset.name == retail.name && knows_columns(dataset, retail.columns()))
      return retail.make(dataset, options);
  return PlainGenerator::make(dataset, options);
}

}  // namespace freshet
