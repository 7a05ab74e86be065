// What a formula is made of, windows and all, and how long its windows are.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "segments/time.h"
#include "server/sql/sql.h"

namespace freshet {

// How deep a KPI is made of others and of windows, at most.
inline constexpr size_t kMaxKpiDepth = 100;

// The KPIs named anywhere in it, each once.
std::vector<std::string> used_kpis(const Formula& formula);
// Itself and the formulas of its windows, theirs too.
void each_formula(const Formula& formula,
                  const std::function<void(const Formula&)>& visit);
void each_window(const Formula& formula,
                 const std::function<void(const FormulaWindow&)>& visit);

// As written: "rolling", "same_stores".
std::string_view window_function(FormulaWindow::Kind kind);

// A length of calendar time; one of the three is not 0.
struct WindowSpan {
  int months = 0;
  int64_t days = 0;
  int64_t ms = 0;
  // The calendar bucket of this length; kInvalid if there is none.
  Result<Granularity> bucket() const;
};

// "7d", "4w", "12h", "30m", "1mo", "1q", "1y", or hour, day, week, month,
// quarter, year. kInvalid for anything else, and above 100 years.
Result<WindowSpan> parse_window_span(std::string_view text);

}  // namespace freshet
