// Forecasts of units by store, category and day, beside what was sold: told
// when the local day ends.
#include <fmt/format.h>

#include <tuple>

#include "server/demo/receipts.h"
#include "server/demo/step_generator.h"

namespace freshet {
namespace {

enum Column : size_t {
  kStore,
  kRegion,
  kCategory,
  kHorizonDays,
  kForecastUnits,
  kActualUnits,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"store", kText},           {"region", kText},
    {"category", kText},        {"horizon_days", kWhole},
    {"forecast_units", kWhole}, {"actual_units", kWhole}};

constexpr int64_t kHorizon = 7;
constexpr double kPromoMissed = 0.75;  // of the forecast that promotions lack

struct ForecastEvent {
  Timestamp time;
  size_t store = 0;
  size_t category = 0;
  int64_t forecast = 0, actual = 0;
  auto order() const { return std::tuple(time.ms, store, category); }
};

class ForecastsGenerator final : public StepGenerator<ForecastEvent> {
 public:
  ForecastsGenerator(const DatasetModel& dataset,
                     const GeneratorOptions& options)
      : StepGenerator(dataset, options, kForecastsPerDay, 0, 0),
        receipts_(options.seed, sales_per_second(), options.late) {
    for (const RetailArticle& article : world_->articles) {
      if (categories_.empty() || categories_.back() != article.category)
        categories_.push_back(article.category);
      category_of_.push_back(categories_.size() - 1);
    }
    // Forecasts did not know of the promotion.
    promo_ = add_story(Story::kPromo, "promo",
                       fmt::format("category = '{}'", kPromoCategory));
  }

  void fill(int64_t step, std::vector<ForecastEvent>& out) override {
    absl::TimeZone zone = retail_zone();
    absl::CivilDay next(
        zone.At(absl::FromUnixMillis(step_start(step + 1).ms)).cs);
    int64_t midnight = absl::ToUnixMillis(zone.At(absl::CivilSecond(next)).pre);
    if (step_of({midnight - 1}) != step) return;
    int64_t first = absl::ToUnixMillis(
        zone.At(absl::CivilSecond(absl::CivilDay(next - 1))).pre);
    count_day({first}, {midnight});
    for (size_t store = 0; store < world_->stores.size(); ++store) {
      for (size_t c = 0; c < categories_.size(); ++c) {
        ForecastEvent e{{midnight - 1}, store, c, 0, 0};
        e.actual = units_[store * categories_.size() + c];
        e.forecast = forecast(e);
        out.push_back(e);
      }
    }
  }

  void write(std::string& line, const ForecastEvent& e,
             EventFacts& facts) override {
    append_text(line, "store", store(facts).code);
    append_text(line, "region", store(facts).region);
    append_text(line, "category", categories_[e.category]);
    append_number(line, "horizon_days", kHorizon, 0);
    append_number(line, "forecast_units", e.forecast, 0);
    append_number(line, "actual_units", e.actual, 0);
    measure(facts, kHorizonDays, kHorizon);
    measure(facts, kForecastUnits, e.forecast);
    measure(facts, kActualUnits, e.actual);
    if (is_promoted(e)) facts.stories |= promo_;
  }

 private:
  bool is_promoted(const ForecastEvent& e) const {
    return categories_[e.category] == kPromoCategory &&
           story_at(Story::kPromo, e.time);
  }

  // Units sold in [from, to) by store and category, as sales tells them.
  void count_day(Timestamp from, Timestamp to) {
    units_.assign(world_->stores.size() * categories_.size(), 0);
    constexpr int64_t kLatestSteps = 3;  // that a late receipt comes after it
    for (int64_t s = step_of(from) - 1; s < step_of(to) + kLatestSteps; ++s) {
      for (uint64_t i = 0; i < receipts_.arrivals().count(s); ++i) {
        receipts_.read(s, i, receipt_);
        for (size_t k = 0; k < receipt_.lines.size(); ++k) {
          Timestamp t = receipt_.line_time(k);
          if (t < from || t >= to) continue;
          const ReceiptLine& line = receipt_.lines[k];
          units_[receipt_.store * categories_.size() +
                 category_of_[line.article]] += line.qty;
        }
      }
    }
  }

  // Within a quarter of what was sold, and a unit or two.
  int64_t forecast(const ForecastEvent& e) const {
    Random random(mix64(mix64(options_.seed, "forecast"),
                        static_cast<uint64_t>(e.time.ms),
                        e.store * 100 + e.category));
    double off = 0.75 + 0.5 * random.uniform();
    if (is_promoted(e)) off *= kPromoMissed;
    auto units = static_cast<int64_t>(static_cast<double>(e.actual) * off);
    return std::max<int64_t>(0, units + static_cast<int64_t>(random.below(4)));
  }

  const Receipts receipts_;
  Receipt receipt_;
  std::vector<std::string> categories_;
  std::vector<size_t> category_of_;  // by article
  std::vector<int64_t> units_;       // of the day at hand
  uint32_t promo_ = 0;
};

}  // namespace

std::span<const RetailGenerator::Known> forecasts_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_forecasts_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<ForecastsGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
