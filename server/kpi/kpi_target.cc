// The target of an answer: scaled to the range, what of it is attained, and of
// a running range how much is to be expected by now.
#include <algorithm>
#include <cmath>

#include "server/kpi/kpi_answerer.h"

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

Status KpiAnswerer::answer_target() {
  if (!kpi_->target) return {};
  if (filter_ && target_is_for_the_whole()) {
    out_.target_omitted =
        "the target is for all of '" + kpi_->name + "', not for a part of it";
    return {};
  }
  const KpiTarget& given = *kpi_->target;
  double length = 1;
  if (!given.per.empty()) {
    TRY_ASSIGN(Granularity per, Granularity::parse(given.per));
    length = length_in(per, range_, zone_);
  }
  Decimal value = scaled(given.value, length, kpi_->unit == "currency");
  KpiAnswer::Target target;
  target.value = Value(value);
  if (!out_.value.is_null() && value.units != 0) {
    target.attained = out_.value.to_double() / target.value.to_double();
  }
  bool running = range_.start < now_ && now_ < range_.end;
  if (!given.per.empty() && running && !out_.value.is_null()) {
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
                    std::to_string(range_.end.ms);
  if (book_) {
    if (auto kept = book_->find(key, now_)) return kept;
  }
  TRY_ASSIGN(PastWeeks read, PastWeeks::read(*plan_, *data_, range_, zone_));
  auto weeks = std::make_shared<const PastWeeks>(std::move(read));
  if (book_) book_->keep(key, weeks, now_);
  return weeks;
}

}  // namespace freshet
