#include "server/demo/ledger.h"

#include <algorithm>

#include "server/json/json_writer.h"

namespace freshet {

constexpr int64_t kHourMs = 3'600'000;

Ledger::Ledger(const DatasetModel& dataset, const EventShape& shape,
               uint32_t partitions)
    : shape_(shape),
      has_filter_(dataset.filter != nullptr),
      groups_(shape.group_values.size()),
      stories_(shape.stories.size()),
      partitions_(partitions) {
  for (const Measure& measure : shape_.measures)
    totals_.push_back({measure.name, measure.type});
  for (const ColumnModel& column : dataset.columns) {
    if (!column.derived || !column.type.is_numeric()) continue;
    auto units = DerivedUnits::compile(*column.derived, shape_, column.type);
    if (!units) {
      not_summed_.push_back(column.name);
      continue;
    }
    derived_.push_back({totals_.size(), std::move(*units)});
    totals_.push_back({column.name, column.type});
  }
  for (StoryCount& story : stories_) story.sums.resize(totals_.size());
  choose_grouped_sum();
}

void Ledger::choose_grouped_sum() {
  int first = -1, derived = -1, net = -1;
  for (size_t i = 0; i < totals_.size(); ++i) {
    if (totals_[i].type.kind != ColumnKind::kDecimal) continue;
    int at = static_cast<int>(i);
    if (first < 0) first = at;
    if (i >= shape_.measures.size()) derived = at;
    if (totals_[i].column == "net") net = at;
  }
  grouped_ = net >= 0 ? net : derived >= 0 ? derived : first;
}

void Ledger::add_value(size_t total, __int128 units, const EventFacts& facts) {
  Total& t = totals_[total];
  t.sum += units;
  ++t.values;
  if (facts.kind == EventFacts::Kind::kEvent) t.unique_sum += units;
  if (static_cast<int>(total) == grouped_ && facts.group >= 0)
    groups_[static_cast<size_t>(facts.group)].sum += units;
  for (size_t i = 0; i < stories_.size(); ++i)
    if (facts.stories >> i & 1) stories_[i].sums[total] += units;
}

void Ledger::add_to_stories(const EventFacts& facts) {
  if (facts.late) ++late_;
  for (size_t i = 0; i < stories_.size(); ++i) {
    if (!(facts.stories >> i & 1)) continue;
    ++stories_[i].rows;
    if (facts.kind == EventFacts::Kind::kEvent) ++stories_[i].unique_rows;
  }
}

void Ledger::add_hour(Timestamp time) {
  int64_t hour = time.ms / kHourMs - (time.ms % kHourMs < 0 ? 1 : 0);
  if (hour != last_hour_) {
    last_hour_ = hour;
    last_hour_rows_ = &hours_[hour];
  }
  ++*last_hour_rows_;
}

void Ledger::add(const EventFacts& facts) {
  if (facts.kind == EventFacts::Kind::kBad) {
    ++bad_lines_;
    return;
  }
  ++rows_;
  if (facts.kind == EventFacts::Kind::kDuplicate) {
    ++duplicates_;
  } else if (facts.first_of_key) {
    ++keys_;
  }
  for (size_t i = 0; i < shape_.measures.size(); ++i)
    if (facts.present[i]) add_value(i, facts.units[i], facts);
  for (const Derived& derived : derived_)
    if (auto units = derived.units.value(facts))
      add_value(derived.total, *units, facts);
  if (facts.group >= 0) ++groups_[static_cast<size_t>(facts.group)].rows;
  min_time_ = std::min(min_time_, facts.time);
  max_time_ = std::max(max_time_, facts.time);
  add_hour(facts.time);
  add_to_stories(facts);
  PartitionCount& partition = partitions_[facts.partition];
  ++partition.rows;
  partition.max_seq = std::max(partition.max_seq, facts.seq);
}

std::string Ledger::Total::text(__int128 units) const {
  if (type.kind == ColumnKind::kDouble)
    return decimal_to_string(units * 15625, 6);
  return decimal_to_string(units, type.scale);
}

std::string Ledger::sum(const std::string& column) const {
  for (const Total& total : totals_)
    if (total.column == column) return total.text(total.sum);
  return "";
}

void Ledger::write_columns(JsonWriter& json) const {
  json.key("sums").begin_object();
  for (const Total& t : totals_) json.field(t.column, t.text(t.sum));
  json.end_object().key("unique_sums").begin_object();
  for (const Total& t : totals_) json.field(t.column, t.text(t.unique_sum));
  json.end_object().key("values").begin_object();
  for (const Total& t : totals_) json.field(t.column, t.values);
  json.end_object().key("distinct").begin_object();
  if (!shape_.key_column.empty()) json.field(shape_.key_column, keys_);
  json.end_object();
}

void Ledger::write_groups(JsonWriter& json) const {
  const Total* total =
      grouped_ >= 0 ? &totals_[static_cast<size_t>(grouped_)] : nullptr;
  json.key("by_group").begin_object().field("column", shape_.group_column);
  if (total) json.field("sum_of", total->column);
  json.key("groups").begin_object();
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].rows == 0) continue;
    json.key(shape_.group_values[i]).begin_object();
    json.field("rows", groups_[i].rows);
    if (total) json.field("sum", total->text(groups_[i].sum));
    json.end_object();
  }
  json.end_object().end_object();
}

void Ledger::write_counts(JsonWriter& json) const {
  json.key("by_hour").begin_object();
  for (const auto& [hour, rows] : hours_)
    json.field(to_iso8601(Timestamp{hour * kHourMs}), rows);
  json.end_object().key("partitions").begin_object();
  for (size_t i = 0; i < partitions_.size(); ++i) {
    json.key(std::to_string(i)).begin_object();
    json.field("rows", partitions_[i].rows);
    json.field("max_seq", partitions_[i].max_seq).end_object();
  }
  json.end_object();
}

void Ledger::write_stories(JsonWriter& json) const {
  json.field("late", late_).key("stories").begin_object();
  for (size_t i = 0; i < stories_.size(); ++i) {
    const StoryShape& shape = shape_.stories[i];
    json.key(shape.name).begin_object();
    json.field("rows", stories_[i].rows);
    json.field("unique_rows", stories_[i].unique_rows);
    json.field("where", shape.where).key("sums").begin_object();
    for (size_t t = 0; t < totals_.size(); ++t)
      json.field(totals_[t].column, totals_[t].text(stories_[i].sums[t]));
    json.end_object().key("windows").begin_array();
    for (const Interval& w : shape.windows) {
      json.begin_object().field("from", to_iso8601(w.start));
      json.field("to", to_iso8601(w.end)).end_object();
    }
    json.end_array().end_object();
  }
  json.end_object();
}

std::string Ledger::to_json(
    const std::map<std::string, int64_t>& offsets) const {
  JsonWriter json;
  json.begin_object();
  json.field("dataset", shape_.dataset).field("rows", rows_);
  json.field("duplicates", duplicates_).field("bad_lines", bad_lines_);
  if (rows_ > 0) {
    json.field("min_time", to_iso8601(min_time_));
    json.field("max_time", to_iso8601(max_time_));
  }
  write_columns(json);
  if (!shape_.group_column.empty()) write_groups(json);
  write_counts(json);
  write_stories(json);
  if (has_filter_) json.field("filter_applied", false);
  json.key("not_summed").begin_array();
  for (const std::string& column : not_summed_) json.value(column);
  json.end_array();
  if (!offsets.empty()) {
    json.key("offsets").begin_object();
    for (const auto& [partition, next] : offsets) json.field(partition, next);
    json.end_object();
  }
  return json.end_object().take();
}

}  // namespace freshet
