#include "server/demo/retail_generator.h"

#include <algorithm>

#include "server/json/json_writer.h"

namespace freshet {
namespace {

// Events a second, on average over a week. A run of `rows` events gets the
// pace that spreads them over its range, after summing the curve; a receipt's
// worth faster, so that the last ones do not fall behind the end.
double pace(const GeneratorOptions& options, const TrafficCurve& curve) {
  if (!options.rows) return options.per_second;
  double weight_ms = 0;
  for (int64_t t = options.start.ms; t < options.end.ms;) {
    int64_t step_end = (t / TrafficCurve::kStepMs + 1) * TrafficCurve::kStepMs;
    int64_t until = std::min(step_end, options.end.ms);
    weight_ms += static_cast<double>(until - t) * curve.at(t).total;
    t = until;
  }
  return static_cast<double>(*options.rows + 40) * 1000 /
         std::max(weight_ms, 1.0);
}

uint64_t run_of(const DatasetModel& dataset, const GeneratorOptions& options) {
  return mix64(mix64(options.seed, dataset.name),
               static_cast<uint64_t>(options.start.ms));
}

}  // namespace

RetailGenerator::RetailGenerator(const DatasetModel& dataset,
                                 const GeneratorOptions& options,
                                 TrafficCurve::Shape shape)
    : options_(options),
      run_(run_of(dataset, options)),
      world_(RetailWorld::make(options.seed)),
      random_(run_),
      pace_(pace(options, TrafficCurve(options.seed, shape))),
      clock_(TrafficCurve(options.seed, shape), pace_, options.start),
      times_(dataset.time_format) {
  JsonWriter json;
  json.value(dataset.time_field);
  time_member_ = "{" + json.text() + ":";
  shape_.dataset = dataset.name;
  for (const RetailStore& store : world_->stores)
    shape_.group_values.push_back(store.code);
}

Status RetailGenerator::prepare(const DatasetModel& dataset,
                                std::span<const Known> known) {
  measure_of_known_.assign(known.size(), -1);
  std::vector<const ColumnModel*> others;
  for (const ColumnModel& column : dataset.columns) {
    if (column.derived) continue;
    auto at = std::find_if(known.begin(), known.end(), [&](const Known& k) {
      return k.name == column.name;
    });
    if (at == known.end()) {
      others.push_back(&column);
    } else if (column.type.is_numeric()) {
      measure_of_known_[static_cast<size_t>(at - known.begin())] =
          static_cast<int>(shape_.measures.size());
      shape_.measures.push_back({column.name, column.type});
    }
  }
  TRY_ASSIGN(auto extras, ColumnValues::make(dataset, others, false, shape_));
  if (!extras.empty()) extras_ = std::move(extras);
  return {};
}

Timestamp RetailGenerator::arrival(int events) {
  double jitter = random_.uniform();
  double moved = events + jitter - last_jitter_;
  last_jitter_ = jitter;
  return clock_.advance(moved);
}

Timestamp RetailGenerator::maybe_late(Timestamp t) {
  if (random_.chance(options_.late))
    t.ms -= 60'000 + static_cast<int64_t>(random_.below(20 * 60'000));
  return std::max(t, options_.start);
}

bool RetailGenerator::next(std::string& line, EventFacts& facts) {
  if (options_.rows && seq_ == *options_.rows) return false;
  facts.kind = EventFacts::Kind::kEvent;
  facts.units.assign(shape_.measures.size(), 0);
  facts.present.assign(shape_.measures.size(), 0);
  if (!step(facts)) return false;
  // A run of a given size ends with its last row, not with its time.
  facts.time =
      std::clamp(facts.time, options_.start, Timestamp{options_.end.ms - 1});
  facts.seq = ++seq_;
  facts.partition = static_cast<uint32_t>(facts.group) % options_.partitions;
  line.assign(time_member_);
  times_.append(line, facts.time);
  write(line, facts);
  if (extras_) {
    line.push_back(',');
    extras_->append(random_, times_, line, facts);
  }
  line.push_back('}');
  return true;
}

bool knows_columns(const DatasetModel& dataset,
                   std::span<const RetailGenerator::Known> known) {
  size_t found = 0;
  for (const auto& k : known) {
    for (const ColumnModel& column : dataset.columns) {
      if (column.name != k.name || column.derived) continue;
      bool plain = column.path.empty() || column.path == column.name;
      if (!plain || column.type != k.type) return false;
      if (column.name == dataset.time_field) return false;
      ++found;
    }
  }
  return found * 2 >= known.size();
}

}  // namespace freshet
