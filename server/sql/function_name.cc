#include "server/sql/function_name.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "server/query/function_table.h"

namespace freshet {
namespace {

struct Renamed {
  std::string_view sql, engine;
};
constexpr Renamed kRenamed[] = {{"btrim", "trim"},
                                {"ceiling", "ceil"},
                                {"char_length", "length"},
                                {"character_length", "length"},
                                {"ifnull", "coalesce"},
                                {"instr", "strpos"},
                                {"lcase", "lower"},
                                {"log", "ln"},
                                {"mod", "%"},
                                {"nvl", "coalesce"},
                                {"pow", "power"},
                                {"str_position", "strpos"},
                                {"strlen", "length"},
                                {"substr", "substring"},
                                {"textcat", "concat"},
                                {"trunc", "truncate"},
                                {"ucase", "upper"},
                                {"||", "concat"}};

// Written out by the translator.
constexpr std::string_view kTranslated[] = {"array_contains",
                                            "array_length",
                                            "current_date",
                                            "current_timestamp",
                                            "date_trunc",
                                            "dayofmonth",
                                            "dayofweek",
                                            "dayofyear",
                                            "ds_cdf",
                                            "ds_get_quantile",
                                            "ds_get_quantiles",
                                            "ds_histogram",
                                            "ds_rank",
                                            "extract",
                                            "hll_sketch_estimate",
                                            "hour",
                                            "if",
                                            "lookup",
                                            "minute",
                                            "month",
                                            "mv_contains",
                                            "mv_filter_none",
                                            "mv_filter_only",
                                            "mv_overlap",
                                            "nvl2",
                                            "quarter",
                                            "scalar_in_array",
                                            "second",
                                            "tdigest_quantile",
                                            "theta_sketch_estimate",
                                            "time_extract",
                                            "time_in_interval",
                                            "time_parse",
                                            "time_shift",
                                            "timestampadd",
                                            "timestampdiff",
                                            "week",
                                            "year"};

// Made by the translator for others; no names of SQL.
constexpr std::string_view kInner[] = {"add_days",
                                       "add_months",
                                       "case",
                                       "cast",
                                       "lookup_has",
                                       "lookup_value",
                                       "neg",
                                       "wide_decimal",
                                       "and",
                                       "or",
                                       "not",
                                       "in",
                                       "between",
                                       "like",
                                       "is_null",
                                       "is_not_null",
                                       "is_true",
                                       "is_false",
                                       "is_not_true",
                                       "is_not_false",
                                       "is_distinct_from",
                                       "is_not_distinct_from",
                                       "months_between",
                                       "time_floor_from",
                                       "time_ceil_from"};

constexpr std::string_view kWindows[] = {
    "row_number", "rank", "dense_rank",  "percent_rank", "cume_dist", "ntile",
    "lag",        "lead", "first_value", "last_value",   "nth_value"};

template <size_t kSize>
bool is_one_of(std::string_view name, const std::string_view (&list)[kSize]) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

// Druid's families of functions without a use on these types.
struct Instead {
  std::string_view prefix, advice;
};
constexpr std::string_view kSketches =
    "sketches are no values, their estimates, quantiles and ranks are: "
    "HLL_SKETCH_ESTIMATE, THETA_SKETCH_ESTIMATE, DS_GET_QUANTILE(S), DS_RANK, "
    "DS_CDF, DS_HISTOGRAM, TDIGEST_QUANTILE";
constexpr std::string_view kArrays =
    "columns have one value, and ARRAY[...] is a list of constants";
constexpr std::string_view kJson =
    "fields of nested events are columns of their own, by `path` in the "
    "dataset";
constexpr Instead kInstead[] = {
    {"array_", kArrays},
    {"bloom_filter", "use IN (SELECT ...) or COUNT(DISTINCT ...)"},
    {"ds_", kSketches},
    {"hll_sketch_", kSketches},
    {"json_", kJson},
    {"mv_", kArrays},
    {"parse_json", kJson},
    {"string_to_array", kArrays},
    {"string_to_mv", kArrays},
    {"tdigest_", kSketches},
    {"theta_sketch_", kSketches},
    {"to_json", kJson},
    {"try_parse_json", kJson}};

}  // namespace

std::string_view instead_of(std::string_view name, std::string_view near) {
  for (const Instead& instead : kInstead) {
    if (!name.starts_with(instead.prefix)) continue;
    return near.starts_with(instead.prefix) ? "" : instead.advice;
  }
  return "";
}

std::string engine_name(std::string_view sql) {
  for (const Renamed& r : kRenamed) {
    if (r.sql == sql) return std::string(r.engine);
  }
  return std::string(sql);
}

bool is_window_name(std::string_view name) { return is_one_of(name, kWindows); }

std::vector<std::string> scalar_function_names() {
  std::vector<std::string> out;
  for (std::string& name : function_names()) {
    bool word = absl::ascii_isalpha(static_cast<unsigned char>(name[0]));
    bool part = name.starts_with("extract_");
    if (word && !part && !is_one_of(name, kInner)) out.push_back(name);
  }
  for (std::string_view name : kTranslated) out.emplace_back(name);
  for (std::string_view name : kWindows) out.emplace_back(name);
  for (const Renamed& r : kRenamed) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(r.sql[0]))) {
      out.emplace_back(r.sql);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace freshet
