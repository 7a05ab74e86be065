#include "server/demo/retail_generator.h"

#include <algorithm>

#include "server/demo/arrivals.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

// Events a second, on average over a week. A run of `rows` events gets the
// pace that spreads them over its range, after summing the curve; a little
// faster, so that the last ones do not fall behind the end.
double pace(const GeneratorOptions& options, const TrafficCurve& curve) {
  if (!options.rows) return options.per_second;
  return pace_of(static_cast<double>(*options.rows + 60), options.start,
                 options.end, curve);
}

// So far ahead stories are listed: a run without an end has an end to that.
constexpr int64_t kLongestMs = int64_t{3660} * 86'400'000;

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

uint32_t RetailGenerator::add_story(Story story, const char* name,
                                    std::string where) {
  Timestamp end{std::min(options_.end.ms, options_.start.ms + kLongestMs)};
  StoryShape shape{name, std::move(where), {}};
  for (const StoryWindow& w : story_windows(story, options_.start, end))
    shape.windows.push_back({w.from, w.to});
  if (shape.windows.empty()) return 0;
  shape_.stories.push_back(std::move(shape));
  return uint32_t{1} << (shape_.stories.size() - 1);
}

void RetailGenerator::add_clock_change() {
  clock_change_ = add_story(Story::kDstNight, "clock_change", "");
}

uint32_t RetailGenerator::within_windows(uint32_t stories, Timestamp t) const {
  for (size_t i = 0; stories >> i; ++i) {
    if (!(stories >> i & 1)) continue;
    const std::vector<Interval>& windows = shape_.stories[i].windows;
    if (std::none_of(windows.begin(), windows.end(),
                     [&](const Interval& w) { return w.contains(t); }))
      stories &= ~(uint32_t{1} << i);
  }
  return stories;
}

void RetailGenerator::append_text(std::string& line, const char* name,
                                  std::string_view text) {
  line += ",\"";
  line += name;
  line += "\":\"";
  line += text;
  line.push_back('"');
}

void RetailGenerator::append_flag(std::string& line, const char* name,
                                  bool flag) {
  line += ",\"";
  line += name;
  line += flag ? "\":true" : "\":false";
}

void RetailGenerator::append_number(std::string& line, const char* name,
                                    int64_t units, int scale) {
  line += ",\"";
  line += name;
  line += "\":";
  append_decimal(line, units, scale);
}

void RetailGenerator::append_member(std::string& line, int64_t member) {
  if (member < 0) return;
  line += ",\"member_id\":\"M";
  append_digits(line, static_cast<uint64_t>(member), 6);
  line.push_back('"');
}

void RetailGenerator::append_voucher(std::string& line, int64_t voucher,
                                     bool ring) {
  if (voucher < 0) return;
  line += ring ? ",\"voucher_id\":\"VX-" : ",\"voucher_id\":\"V-";
  append_int(line, voucher);
  line.push_back('"');
}

bool RetailGenerator::next(std::string& line, EventFacts& facts) {
  if (options_.rows && seq_ == *options_.rows) return false;
  facts.kind = EventFacts::Kind::kEvent;
  facts.units.assign(shape_.measures.size(), 0);
  facts.present.assign(shape_.measures.size(), 0);
  facts.stories = 0;
  facts.late = false;
  if (!step(facts)) return false;
  // A run of a given size ends with its last row, not with its time.
  facts.time =
      std::clamp(facts.time, options_.start, Timestamp{options_.end.ms - 1});
  facts.seq = ++seq_;
  facts.partition = static_cast<uint32_t>(facts.group) % options_.partitions;
  line.assign(time_member_);
  times_.append(line, facts.time);
  write(line, facts);
  facts.stories = within_windows(facts.stories | clock_change_, facts.time);
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
