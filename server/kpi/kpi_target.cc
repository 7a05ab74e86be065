// The target of an answer: scaled to the range, what of it is attained, and of
// a running range how much is to be expected by now.
#include <algorithm>
#include <cmath>

#include "server/kpi/kpi_answerer.h"
#include "server/model/dimension_filter.h"
#include "server/query/lookup_source.h"

namespace freshet {
namespace {

constexpr int kMoneyDigits = 2;
constexpr int kDigits = 2;  // of a target that was scaled by a fraction

Decimal rescaled(Decimal d, int scale) {
  for (; d.scale < scale; ++d.scale) d.units *= 10;
  return d;
}

// `d` times `factor`, rounded, and without needless zeros unless it is money.
Decimal scaled(Decimal d, double factor, bool money) {
  int digits = money ? kMoneyDigits : 0;
  if (factor == std::floor(factor)) {
    d.units *= static_cast<__int128>(factor);
    return rescaled(d, digits);
  }
  double units = Value(d).to_double() * factor * std::pow(10, kDigits);
  Decimal out{static_cast<__int128>(std::llround(units)), kDigits};
  while (out.scale > digits && out.units % 10 == 0) {
    out.units /= 10;
    --out.scale;
  }
  return out;
}

}  // namespace

// A target for the whole says nothing of a part, unless it is one that holds
// at every level, such as a margin.
bool KpiAnswerer::target_is_for_the_whole() const {
  return !kpi_->target->per.empty() || plan_->is_amount();
}

// The targets by value of the dimension: as written, or what the lookup has
// now. Keys whose target is missing there have none.
Result<std::map<std::string, Decimal>> KpiAnswerer::targets_by_value() const {
  const KpiTarget& given = *kpi_->target;
  if (given.lookup.empty()) return given.values;
  TRY_ASSIGN(auto column,
             find_lookup(runner_.catalog().lookups(), given.lookup));
  std::map<std::string, Decimal> targets;
  for (size_t i = 0; i < column->values->size(); ++i) {
    const Value& target = (*column->values)[i];
    const Decimal* decimal = target.as_decimal();
    const int64_t* number = target.as_long();
    if (!decimal && !number) continue;
    targets[column->keys->keys()[i].to_text()] =
        decimal ? *decimal : Decimal{*number, 0};
  }
  return targets;
}

// The target of what was asked for, as written; nothing, with the reason in
// `target_omitted`, if there is none for it.
Result<std::optional<Decimal>> KpiAnswerer::chosen_target() {
  const KpiTarget& given = *kpi_->target;
  if (!filter_ && given.whole) return given.whole;
  std::vector<std::string> filtered;
  if (filter_) collect_columns(*filter_, filtered);
  bool by_others = std::any_of(
      filtered.begin(), filtered.end(),
      [&](const std::string& name) { return name != given.dimension; });
  if (by_others && target_is_for_the_whole()) {
    out_.target_omitted =
        "the target is for all of '" + kpi_->name + "', not for a part of it";
    return std::optional<Decimal>();
  }
  if (given.dimension.empty()) return given.whole;
  std::optional<Decimal> sum;
  size_t chosen = 0;
  TRY_ASSIGN(auto targets, targets_by_value());
  for (const auto& [value, target] : targets) {
    bool named =
        filtered.empty() || by_others || filter_holds(*filter_, Value(value));
    if (!named) continue;
    ++chosen;
    sum = sum ? *add_numbers(Value(*sum), Value(target)).as_decimal() : target;
  }
  if (chosen == 1 || (chosen > 1 && target_is_for_the_whole())) return sum;
  if (!filter_ || chosen > 1) {
    out_.target_omitted = "the targets of '" + kpi_->name + "' are by " +
                          given.dimension + ", and do not add up";
  } else {
    out_.target_omitted =
        "'" + kpi_->name + "' has no target for this " + given.dimension;
  }
  return std::optional<Decimal>();
}

Result<double> KpiAnswerer::target_length() const {
  const std::string& per = kpi_->target->per;
  if (per.empty()) return 1.0;
  TRY_ASSIGN(Granularity grain, Granularity::parse(per));
  return length_in(grain, range_, zone_);
}

Status KpiAnswerer::answer_row_targets() {
  const KpiTarget& given = *kpi_->target;
  if (given.dimension.empty()) return {};
  if (request_.by != std::vector<std::string>{given.dimension}) return {};
  std::vector<std::string> filtered;
  if (filter_) collect_columns(*filter_, filtered);
  bool part = std::any_of(
      filtered.begin(), filtered.end(),
      [&](const std::string& name) { return name != given.dimension; });
  if (part && target_is_for_the_whole()) return {};
  TRY_ASSIGN(double length, target_length());
  TRY_ASSIGN(auto targets, targets_by_value());
  for (KpiAnswer::Row& row : out_.rows) {
    auto found = targets.find(row.by[0].to_text());
    if (row.by[0].is_null() || found == targets.end()) continue;
    row.target = target_of(
        scaled(found->second, length, kpi_->unit == "currency"), row.value);
  }
  return {};
}

KpiAnswer::Target KpiAnswerer::target_of(Decimal target,
                                         const KpiNumber& value) const {
  KpiAnswer::Target out;
  out.value = Value(target);
  if (!value.is_null() && target.units != 0) {
    out.attained = value.to_double() / out.value.to_double();
  }
  return out;
}

Status KpiAnswerer::answer_target() {
  if (!kpi_->target) return {};
  TRY(answer_row_targets());
  TRY_ASSIGN(std::optional<Decimal> given, chosen_target());
  if (!given) return {};
  TRY_ASSIGN(double length, target_length());
  Decimal value = scaled(*given, length, kpi_->unit == "currency");
  KpiAnswer::Target target = target_of(value, out_.value);
  bool running = range_.start < now_ && now_ < range_.end;
  if (!kpi_->target->per.empty() && running && !out_.value.is_null()) {
    TRY_ASSIGN(target.pace, pace_of(value));
  }
  out_.target = std::move(target);
  return {};
}

// By the moment up to which the data are complete: what has not arrived yet is
// not missing.
Result<KpiAnswer::Pace> KpiAnswerer::pace_of(Decimal target) {
  Timestamp reached =
      std::clamp(data_->as_of(), range_.start, std::min(now_, range_.end));
  TRY_ASSIGN(std::shared_ptr<const PastWeeks> weeks, past_weeks());
  PastWeeks::Share share = weeks->share_by(reached, range_, zone_);
  KpiAnswer::Pace pace;
  pace.weeks = share.weeks;
  pace.expected =
      Value(scaled(target, share.of_target, kpi_->unit == "currency"));
  int order = Value::compare(out_.value, pace.expected);
  pace.on_pace = kpi_->good == "down" ? order <= 0 : order >= 0;
  return pace;
}

Result<std::shared_ptr<const PastWeeks>> KpiAnswerer::past_weeks() {
  std::string key = kpi_->name + '\n' + model_->version + '\n' + request_.tz +
                    '\n' + std::to_string(range_.start.ms) + '\n' +
                    std::to_string(range_.end.ms) + '\n' + request_.filter;
  if (book_) {
    if (auto kept = book_->find(key, now_)) return kept;
  }
  TRY_ASSIGN(PastWeeks read,
             PastWeeks::read(*plan_, *data_, filter_, range_, zone_));
  auto weeks = std::make_shared<const PastWeeks>(std::move(read));
  if (book_) book_->keep(key, weeks, now_);
  return weeks;
}

}  // namespace freshet
