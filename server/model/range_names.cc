#include "server/model/range_names.h"

#include "segments/time.h"

namespace freshet {

const std::vector<std::string>& range_names() {
  static const std::vector<std::string> kNames = {
      "today",      "yesterday",    "this_week",    "last_week", "this_month",
      "last_month", "this_quarter", "last_quarter", "this_year", "last_year",
      "wtd",        "mtd",          "qtd",          "ytd"};
  return kNames;
}

std::optional<RangeLength> parse_range_length(std::string_view text) {
  constexpr std::string_view kLast = "last_";
  constexpr int64_t kDay = int64_t{86400} * 1000;
  constexpr int64_t kMost = 100 * 366 * kDay;
  bool calendar = text.starts_with(kLast);
  if (calendar) {
    text.remove_prefix(kLast.size());
  } else if (text.starts_with('-')) {
    text.remove_prefix(1);
  } else {
    return std::nullopt;
  }
  auto ms = parse_duration_ms(text);
  if (!ms || *ms <= 0 || *ms > kMost) return std::nullopt;
  RangeLength length{*ms, 0};
  bool in_days = text.ends_with('d') || text.ends_with('w') ||
                 text.ends_with('D') || text.ends_with('W');
  if (calendar && in_days && *ms % kDay == 0) {
    length.calendar_days = *ms / kDay;
  }
  return length;
}

}  // namespace freshet
