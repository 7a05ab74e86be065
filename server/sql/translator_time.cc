// Druid's time functions in terms of the engine's: time_floor, time_ceil,
// add_months, extract_*, + and - of milliseconds.
#include <absl/strings/ascii.h>
#include <absl/time/civil_time.h>
#include <fmt/core.h>

#include <algorithm>

#include "server/sql/letters.h"
#include "server/sql/translator.h"
#include "server/sql/zone_name.h"

namespace freshet {
namespace {

constexpr ExpressionType kTimestampType{ValueType::kTimestamp};

Result<CalendarUnit> unit_of(const SqlExpression& node,
                             const std::string& text) {
  auto unit = parse_calendar_unit(text);
  if (!unit) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("unknown unit of time: {}", text), node);
  }
  return *unit;
}

Result<Granularity> granularity_of(const SqlExpression& node,
                                   std::string_view period) {
  auto granularity = Granularity::parse(period);
  if (!granularity) {
    return sql_error(granularity.error().code, granularity.error().message,
                     node);
  }
  return granularity;
}

// The field of a time that a function such as YEAR(t) takes out of it, or "".
std::string_view field_named(std::string_view function) {
  static constexpr std::string_view kSame[] = {
      "year", "quarter", "month", "week", "hour", "minute", "second"};
  for (std::string_view name : kSame) {
    if (name == function) return name;
  }
  if (function == "dayofyear") return "doy";
  if (function == "dayofmonth") return "day";
  return function == "dayofweek" ? "dow" : "";
}

bool is_null_literal(const SqlExpression& node) {
  return node.kind == SqlExpression::Kind::kLiteral && node.literal.is_null();
}

}  // namespace

ExpressionPtr Translator::floored(const SqlExpression& node, ExpressionPtr time,
                                  Granularity granularity) const {
  auto out = made(node, Expression::Kind::kCall);
  out->name = "time_floor";
  out->granularity = granularity;
  out->arguments = {std::move(time)};
  return out;
}

Result<std::string> Translator::text_argument(const SqlExpression& node,
                                              size_t i) {
  TRY_ASSIGN(ExpressionPtr argument, translate(*node.arguments[i]));
  const std::string* text = argument->literal.as_string();
  if (text == nullptr) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("argument {} of {} must be a text constant",
                                 i + 1, node.name),
                     *node.arguments[i]);
  }
  return *text;
}

Result<absl::TimeZone> Translator::zone_argument(const SqlExpression& node,
                                                 size_t i) {
  if (i >= node.arguments.size() || is_null_literal(*node.arguments[i])) {
    return scope_.zone;
  }
  TRY_ASSIGN(std::string name, text_argument(node, i));
  auto zone = find_time_zone(name);
  if (!zone) {
    return sql_error(ErrorCode::kInvalid, zone.error().message,
                     *node.arguments[i]);
  }
  return zone;
}

Result<ExpressionPtr> Translator::translate_time(const SqlExpression& node) {
  const std::string& f = node.name;
  if (f == "time_floor" || f == "time_ceil") return time_floor_of(node);
  if (f == "time_shift") return time_shift_of(node);
  if (f == "time_parse") return time_parse_of(node);
  if (f == "time_format") return time_format_of(node);
  if (f == "timestampadd") return add_units(node);
  if (f == "timestampdiff") return difference_of(node);
  if (f == "extract" || f == "date_part") {
    TRY(check_arguments(node, 2, 2));
    return extract_of(node, 0, 1);
  }
  if (f == "time_extract") {
    TRY(check_arguments(node, 2, 3));
    return extract_of(node, 1, 0);
  }
  if (std::string_view field = field_named(f); !field.empty()) {
    TRY(check_arguments(node, 1, 1));
    return extracted(node, std::string(field), 0);
  }
  if (f == "date_trunc") {
    TRY(check_arguments(node, 2, 2));
    TRY_ASSIGN(std::string text, text_argument(node, 0));
    TRY_ASSIGN(CalendarUnit unit, unit_of(node, text));
    TRY_ASSIGN(ExpressionPtr time, translate(*node.arguments[1]));
    if (unit.ms == 1) return made_cast(node, std::move(time), kTimestampType);
    TRY_ASSIGN(Granularity granularity, granularity_of(node, unit.period));
    return floored(node, std::move(time), granularity);
  }
  if (f == "current_timestamp" || f == "now") {
    TRY(check_arguments(node, 0, 0));
    return made_literal(node, Value(scope_.now));
  }
  if (f == "current_date") {
    return floored(node, made_literal(node, Value(scope_.now)),
                   Granularity(Granularity::Unit::kDay, 1));
  }
  return plus_interval(node);
}

namespace {

// A period that no calendar cuts by itself, such as P2D: counted from an
// origin.
std::optional<Granularity> counted(std::string_view period) {
  auto span = parse_time_span(period);
  if (!span || !period.starts_with('P')) return std::nullopt;
  constexpr int64_t kDay = 24 * 3600 * 1000;
  constexpr int64_t kMostMonths = 12 * 10'000, kMostMs = 366 * 10'000 * kDay;
  if (span->months > kMostMonths || span->ms > kMostMs) return std::nullopt;
  using Unit = Granularity::Unit;
  if (span->months > 0 && span->ms == 0) {
    return Granularity(Unit::kMonth, span->months);
  }
  if (span->months != 0 || span->ms <= 0) return std::nullopt;
  if (span->days * kDay == span->ms) {
    return Granularity(Unit::kDay, span->days);
  }
  return Granularity(Unit::kMillis, span->ms);
}

// Midnight of 1970-01-01 there; of a Monday for whole weeks.
Timestamp default_origin(const Granularity& g, const absl::TimeZone& zone) {
  bool weeks = g.unit() == Granularity::Unit::kDay && g.count() % 7 == 0;
  absl::CivilSecond civil =
      weeks ? absl::CivilSecond(1969, 12, 29) : absl::CivilSecond(1970, 1, 1);
  return Timestamp{absl::ToUnixMillis(zone.At(civil).pre)};
}

}  // namespace

// TIME_FLOOR(t, period [, origin [, zone]])
Result<ExpressionPtr> Translator::time_floor_of(const SqlExpression& node) {
  TRY(check_arguments(node, 2, 4));
  TRY_ASSIGN(ExpressionPtr time, translate(*node.arguments[0]));
  TRY_ASSIGN(std::string period, text_argument(node, 1));
  // FLOOR(t TO MILLISECOND): times have no smaller part.
  if (period == parse_calendar_unit("millisecond")->period) {
    return made_cast(node, std::move(time), kTimestampType);
  }
  TRY_ASSIGN(absl::TimeZone zone, zone_argument(node, 3));
  auto granularity = Granularity::parse(period);
  const auto multiple = granularity ? std::nullopt : counted(period);
  if (!granularity && !multiple) {
    return sql_error(granularity.error().code, granularity.error().message,
                     node);
  }
  auto out = made(node, Expression::Kind::kCall);
  out->name = node.name;
  out->granularity = multiple ? *multiple : *granularity;
  out->zone = zone;
  out->arguments = {std::move(time)};
  bool from = node.arguments.size() > 2 && !is_null_literal(*node.arguments[2]);
  if (!from && !multiple) return ExpressionPtr(out);
  ExpressionPtr origin =
      made_literal(node, Value(default_origin(out->granularity, zone)));
  if (from) {
    TRY_ASSIGN(origin, translate(*node.arguments[2]));
  }
  out->name += "_from";
  out->arguments.push_back(std::move(origin));
  return ExpressionPtr(out);
}

// TIME_PARSE(text [, pattern [, zone]]); without pattern, ISO 8601.
Result<ExpressionPtr> Translator::time_parse_of(const SqlExpression& node) {
  TRY(check_arguments(node, 1, 3));
  TRY_ASSIGN(ExpressionPtr text, translate(*node.arguments[0]));
  TRY_ASSIGN(absl::TimeZone zone, zone_argument(node, 2));
  auto out = made(node, Expression::Kind::kCall);
  out->zone = zone;
  out->arguments = {std::move(text)};
  if (node.arguments.size() > 1 && !is_null_literal(*node.arguments[1])) {
    TRY_ASSIGN(std::string pattern, text_argument(node, 1));
    out->name = "time_parse";
    out->arguments.push_back(
        made_literal(*node.arguments[1], Value(std::move(pattern))));
    return ExpressionPtr(out);
  }
  if (const std::string* constant = out->arguments[0]->literal.as_string()) {
    auto time = parse_iso8601(*constant, zone);
    if (time) return made_literal(node, Value(*time));
  }
  out->name = "cast";
  out->cast_type = kTimestampType;
  return ExpressionPtr(out);
}

// TIME_FORMAT(t [, pattern [, zone]]), the pattern in Joda's letters.
Result<ExpressionPtr> Translator::time_format_of(const SqlExpression& node) {
  TRY(check_arguments(node, 1, 3));
  TRY_ASSIGN(ExpressionPtr time, translate(*node.arguments[0]));
  std::string pattern = "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'";
  if (node.arguments.size() > 1 && !is_null_literal(*node.arguments[1])) {
    TRY_ASSIGN(pattern, text_argument(node, 1));
  }
  TRY_ASSIGN(absl::TimeZone zone, zone_argument(node, 2));
  auto out = made(node, Expression::Kind::kCall);
  out->name = "time_format";
  out->zone = zone;
  const SqlExpression& place = *node.arguments[node.arguments.size() > 1];
  out->arguments = {std::move(time),
                    made_literal(place, Value(std::move(pattern)))};
  return ExpressionPtr(out);
}

Result<ExpressionPtr> Translator::extract_of(const SqlExpression& node,
                                             size_t unit, size_t time) {
  TRY_ASSIGN(std::string text, text_argument(node, unit));
  std::string name = to_lower(text);
  static constexpr std::string_view kFields[] = {
      "millisecond", "second", "minute", "hour",    "day",       "dow",
      "isodow",      "doy",    "week",   "month",   "quarter",   "year",
      "isoyear",     "epoch",  "decade", "century", "millennium"};
  bool known = std::find(std::begin(kFields), std::end(kFields), name) !=
               std::end(kFields);
  if (!known) {
    return sql_error(ErrorCode::kInvalid,
                     fmt::format("unknown field of a time: {}", text), node);
  }
  if (name == "decade" || name == "century" || name == "millennium") {
    // Decades are counted from the year 0, the others from the year 1.
    int64_t years = name == "decade" ? 10 : name == "century" ? 100 : 1000;
    int64_t first = name == "decade" ? 0 : years - 1;
    TRY_ASSIGN(ExpressionPtr year, extracted(node, "year", time));
    year = made_call(node, "+", {year, made_literal(node, Value(first))});
    return made_call(node, "/", {year, made_literal(node, Value(years))});
  }
  return extracted(node, name, time);
}

Result<ExpressionPtr> Translator::extracted(const SqlExpression& node,
                                            const std::string& field,
                                            size_t time) {
  TRY_ASSIGN(ExpressionPtr argument, translate(*node.arguments[time]));
  TRY_ASSIGN(absl::TimeZone zone, zone_argument(node, 2));
  auto out = made(node, Expression::Kind::kCall);
  out->name = "extract_" + field;
  out->zone = zone;
  out->arguments = {std::move(argument)};
  return ExpressionPtr(out);
}

// TIMESTAMPADD(unit, count, t)
Result<ExpressionPtr> Translator::add_units(const SqlExpression& node) {
  TRY(check_arguments(node, 3, 3));
  TRY_ASSIGN(std::string text, text_argument(node, 0));
  TRY_ASSIGN(CalendarUnit unit, unit_of(node, text));
  TRY_ASSIGN(ExpressionPtr count, translate(*node.arguments[1]));
  TRY_ASSIGN(ExpressionPtr time, translate(*node.arguments[2]));
  return shifted(node, std::move(time), TimeSpan{unit.months, unit.ms},
                 std::move(count), false);
}

// TIMESTAMPDIFF(unit, from, to): whole units between them.
Result<ExpressionPtr> Translator::difference_of(const SqlExpression& node) {
  TRY(check_arguments(node, 3, 3));
  TRY_ASSIGN(std::string text, text_argument(node, 0));
  TRY_ASSIGN(CalendarUnit unit, unit_of(node, text));
  TRY_ASSIGN(ExpressionPtr from, translate(*node.arguments[1]));
  TRY_ASSIGN(ExpressionPtr to, translate(*node.arguments[2]));
  if (unit.months != 0) {
    ExpressionPtr months =
        made_call(node, "months_between", {std::move(from), std::move(to)});
    return made_call(node, "/",
                     {months, made_literal(node, Value(unit.months))});
  }
  ExpressionPtr ms =
      made_call(node, "-",
                {made_cast(node, std::move(to), kTimestampType),
                 made_cast(node, std::move(from), kTimestampType)});
  return made_call(node, "/", {ms, made_literal(node, Value(unit.ms))});
}

}  // namespace freshet
