#include "server/model/formula_parts.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "server/json/json_value.h"

namespace freshet {
namespace {

struct Unit {
  std::string_view suffix, name;
  int months = 0;
  int64_t days = 0;
  int64_t ms = 0;
};
constexpr Unit kUnits[] = {
    {"s", "second", 0, 0, 1000},    {"m", "minute", 0, 0, 60'000},
    {"h", "hour", 0, 0, 3'600'000}, {"d", "day", 0, 1, 0},
    {"w", "week", 0, 7, 0},         {"mo", "month", 1, 0, 0},
    {"q", "quarter", 3, 0, 0},      {"y", "year", 12, 0, 0}};
constexpr int kMostYears = 100;
constexpr int64_t kMostMs = int64_t{kMostYears} * 366 * 86'400'000;

bool too_long(const Unit& unit, int64_t count) {
  if (count > kMostMs) return true;
  if (unit.months) return count * unit.months > kMostYears * 12;
  if (unit.days) return count * unit.days > kMostYears * 366;
  return count > kMostMs / unit.ms;
}

std::optional<WindowSpan> span_of(std::string_view text) {
  int64_t count = 1;
  for (const Unit& unit : kUnits) {
    if (text == unit.name) return WindowSpan{unit.months, unit.days, unit.ms};
  }
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count <= 0) return std::nullopt;
  std::string_view suffix(end,
                          static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits) {
    if (suffix != unit.suffix || too_long(unit, count)) continue;
    return WindowSpan{static_cast<int>(count) * unit.months, count * unit.days,
                      count * unit.ms};
  }
  return std::nullopt;
}

}  // namespace

void each_formula(const Formula& formula,
                  const std::function<void(const Formula&)>& visit) {
  visit(formula);
  for (const FormulaWindow& window : formula.windows) {
    each_formula(window.inner, visit);
  }
}

void each_window(const Formula& formula,
                 const std::function<void(const FormulaWindow&)>& visit) {
  each_formula(formula, [&](const Formula& f) {
    for (const FormulaWindow& window : f.windows) visit(window);
  });
}

std::vector<std::string> used_kpis(const Formula& formula) {
  std::vector<std::string> names;
  each_formula(formula, [&](const Formula& f) {
    for (const std::string& name : f.kpis) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  });
  return names;
}

std::string_view window_function(FormulaWindow::Kind kind) {
  switch (kind) {
    case FormulaWindow::Kind::kRolling:
      return "rolling";
    case FormulaWindow::Kind::kToDate:
      return "to_date";
    case FormulaWindow::Kind::kBefore:
      return "before";
    case FormulaWindow::Kind::kTimeAverage:
      return "time_avg";
    case FormulaWindow::Kind::kTimeMin:
      return "time_min";
    case FormulaWindow::Kind::kTimeMax:
      return "time_max";
    case FormulaWindow::Kind::kOpening:
      return "first";
    case FormulaWindow::Kind::kSameStores:
      return "same_stores";
  }
  return "";
}

Result<Granularity> WindowSpan::bucket() const {
  std::string text;
  if (months) {
    text = "P" + std::to_string(months) + "M";
    if (months % 12 == 0) text = "P" + std::to_string(months / 12) + "Y";
  } else if (days) {
    text = "P" + std::to_string(days) + "D";
    if (days % 7 == 0) text = "P" + std::to_string(days / 7) + "W";
  } else {
    text = "PT" + std::to_string(ms / 1000) + "S";
    if (ms % 60'000 == 0) text = "PT" + std::to_string(ms / 60'000) + "M";
    if (ms % 3'600'000 == 0) text = "PT" + std::to_string(ms / 3'600'000) + "H";
  }
  return Granularity::parse(text);
}

Result<WindowSpan> parse_window_span(std::string_view text) {
  if (auto span = span_of(text)) return *span;
  std::vector<std::string> names;
  for (const Unit& unit : kUnits) names.emplace_back(unit.name);
  std::string near = nearest_name(text, names);
  return Error{ErrorCode::kInvalid,
               "a span of time is 7d, 12h, 4w, 1mo or day, week, month, "
               "quarter, year, not '" +
                   std::string(text) + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"),
               0, 0};
}

}  // namespace freshet
