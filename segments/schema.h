// Column types and the schema of a dataset. A schema is immutable once a
// segment was built with it; column 0 is always `__time`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"

namespace freshet {

enum class ColumnKind : uint8_t {
  kString = 0,     // UTF-8, dictionary encoded
  kLong = 1,       // int64
  kDouble = 2,     // IEEE 754 binary64
  kDecimal = 3,    // int64 units of 10^-scale; sums are 128-bit
  kBool = 4,       // int64 0 or 1
  kTimestamp = 5,  // int64 milliseconds since the epoch
};

struct ColumnType {
  ColumnKind kind = ColumnKind::kString;
  uint8_t scale = 0;  // kDecimal only: 0..18
  bool operator==(const ColumnType&) const = default;
  bool is_numeric() const {
    return kind == ColumnKind::kLong || kind == ColumnKind::kDouble ||
           kind == ColumnKind::kDecimal;
  }
  // Whether values are kept as int64 (everything but strings and doubles).
  bool is_integer_backed() const {
    return kind != ColumnKind::kString && kind != ColumnKind::kDouble;
  }
};

// "string", "long", "double", "decimal(2)", "bool", "timestamp".
std::string to_string(ColumnType type);
Result<ColumnType> parse_column_type(std::string_view text);

inline constexpr std::string_view kTimeColumn = "__time";

struct ColumnSpec {
  std::string name;
  ColumnType type;
  bool high_cardinality = false;  // near-unique: no inverted index is built
  bool operator==(const ColumnSpec&) const = default;
};

struct Schema {
  std::vector<ColumnSpec> columns;  // [0] is {"__time", kTimestamp}
  bool operator==(const Schema&) const = default;
  // Position of the column with exactly this name.
  std::optional<size_t> find(std::string_view name) const;
};

// Powers of ten that fit an int64: kPowersOfTen[18] = 10^18.
extern const int64_t kPowersOfTen[19];

// Text of `units` at `scale`, exact: (123456, 2) -> "1234.56", (-5, 2) ->
// "-0.05".
std::string decimal_to_string(__int128 units, int scale);

// Reads "1234.5", "-0.05", "1e3" as units at `scale`; digits beyond the scale
// are rounded half away from zero. kInvalid when not a number or too large.
Result<int64_t> parse_decimal(std::string_view text, int scale);

}  // namespace freshet
