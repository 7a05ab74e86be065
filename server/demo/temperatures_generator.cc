// What the sensors of cold trucks say, every ten minutes on the way.
#include <tuple>

#include "server/demo/step_generator.h"
#include "server/demo/trucks.h"

namespace freshet {
namespace {

enum Column : size_t {
  kSensorId,
  kShipmentId,
  kCarrier,
  kSupplier,
  kStore,
  kRegion,
  kTempC,
  kMinutes,
  kMinutesOutside,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"sensor_id", kText},
    {"shipment_id", kText},
    {"carrier", kText},
    {"supplier", kText},
    {"store", kText},
    {"region", kText},
    {"temp_c", {ColumnKind::kDouble, 0}},
    {"minutes", kWhole},
    {"minutes_outside", kWhole}};

constexpr int64_t kColdest = 2 * 64, kWarmest = 8 * 64;  // in 64ths

struct Reading {
  Timestamp time;
  size_t store = 0;
  Truck truck;
  int64_t temperature = 0;  // in 64ths
  auto order() const { return std::tuple(time.ms, truck.step, truck.index); }
};

class TemperaturesGenerator final : public StepGenerator<Reading> {
 public:
  TemperaturesGenerator(const DatasetModel& dataset,
                        const GeneratorOptions& options)
      : StepGenerator(dataset, options, kTemperaturesPerDay,
                      Trucks::kMostStepsBefore, 0),
        trucks_(options.seed, trucks_per_second()) {
    // Which truck it was is known when it is met: see `where`.
    warm_ = add_story(Story::kWarmTruck, "warm_truck", warm_where());
    add_clock_change();
  }

  void fill(int64_t step, std::vector<Reading>& out) override {
    for (uint64_t i = 0; i < trucks_.arrivals().count(step); ++i) {
      Truck t = trucks_.read(step, i);
      if (!trucks_.suppliers()[t.supplier].cold) continue;
      for (int64_t k = 0; k < Trucks::readings(t); ++k)
        out.push_back({{t.departed.ms + k * Trucks::kReadingMs},
                       t.store,
                       t,
                       trucks_.temperature(t, k)});
    }
  }

  void write(std::string& line, const Reading& e, EventFacts& facts) override {
    line += ",\"sensor_id\":\"T";
    append_digits(line, mix64(e.truck.index, e.truck.supplier) % 40, 3);
    line += "\",\"shipment_id\":\"";
    trucks_.append_id(line, e.truck.step, e.truck.index);
    line.push_back('"');
    append_text(line, "carrier", world_->carriers[e.truck.carrier].name);
    append_text(line, "supplier", trucks_.suppliers()[e.truck.supplier].name);
    append_text(line, "store", store(facts).code);
    append_text(line, "region", store(facts).region);
    line += ",\"temp_c\":";
    append_sixty_fourths(line, e.temperature);
    constexpr int64_t kEvery = Trucks::kReadingMs / 60'000;
    bool outside = e.temperature < kColdest || e.temperature > kWarmest;
    append_number(line, "minutes", kEvery, 0);
    append_number(line, "minutes_outside", outside ? kEvery : 0, 0);
    measure(facts, kTempC, e.temperature);
    measure(facts, kMinutes, kEvery);
    measure(facts, kMinutesOutside, outside ? kEvery : 0);
    if (e.truck.warm && outside) facts.stories |= warm_;
  }

 private:
  double trucks_per_second() const { return kTrucksPerDay / 86'400 * scale_; }

  // The warm trucks of the run by their numbers.
  std::string warm_where() const {
    Timestamp end{std::min(options_.end.ms,
                           options_.start.ms + int64_t{400} * 86'400'000)};
    std::string ids;
    for (const StoryWindow& w :
         story_windows(Story::kWarmTruck, options_.start, end)) {
      for (int64_t s = step_of(w.from); s < step_of(w.to); ++s) {
        for (uint64_t i = 0; i < trucks_.arrivals().count(s); ++i) {
          if (!trucks_.read(s, i).warm) continue;
          ids += ids.empty() ? "'" : ", '";
          trucks_.append_id(ids, s, i);
          ids += "'";
        }
      }
    }
    if (ids.empty()) return "";
    return "minutes_outside > 0 AND shipment_id IN (" + ids + ")";
  }

  const Trucks trucks_;
  uint32_t warm_ = 0;
};

}  // namespace

std::span<const RetailGenerator::Known> temperatures_columns() {
  return kKnown;
}

Result<std::unique_ptr<EventGenerator>> make_temperatures_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<TemperaturesGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
