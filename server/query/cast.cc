// cast: among all types. A value that the target cannot hold becomes null, or
// an error of the row if the cast is not the user's but for a common type.
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "server/query/expression_type.h"
#include "server/query/function_table.h"

namespace freshet {
namespace {

std::optional<__int128> rescale(__int128 units, int from, int to) {
  for (int i = from; i < to; ++i) {
    if (__builtin_mul_overflow(units, static_cast<__int128>(10), &units)) {
      return std::nullopt;
    }
  }
  if (from <= to) return units;
  __int128 power = 1;
  for (int i = to; i < from; ++i) power *= 10;
  __int128 quotient = units / power, rest = units % power;
  if (rest < 0) rest = -rest;
  if (rest >= power - rest) quotient += units < 0 ? -1 : 1;
  return quotient;
}

std::optional<int64_t> to_long(double value) {
  value = std::trunc(value);
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) {
    return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

std::optional<int64_t> narrow(__int128 value) {
  int64_t out = static_cast<int64_t>(value);
  return out == value ? std::optional(out) : std::nullopt;
}

std::optional<__int128> to_units(double value, int scale) {
  long double scaled = value;
  for (int i = 0; i < scale; ++i) scaled *= 10;
  scaled = std::round(scaled);
  constexpr long double kMost = 1.7e38L;
  if (!(scaled > -kMost && scaled < kMost)) return std::nullopt;
  return static_cast<__int128>(scaled);
}

struct Target {
  Vector& out;
  size_t lane;
  void set_long(std::optional<int64_t> v) {
    if (v) {
      out.longs[lane] = *v;
    } else {
      out.set_null(lane);
    }
  }
  void set_units(std::optional<__int128> v) {
    if (v) {
      out.decimals[lane] = *v;
    } else {
      out.set_null(lane);
    }
  }
};

void from_text(std::string_view text, const absl::TimeZone& zone, Target to) {
  auto view =
      absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  std::string_view trimmed(view.data(), view.size());
  switch (to.out.type.type) {
    case ValueType::kBool:
      if (absl::AsciiStrToLower(view) == "true") return to.set_long(1);
      if (absl::AsciiStrToLower(view) == "false") return to.set_long(0);
      return to.set_long(std::nullopt);
    case ValueType::kLong: {
      int64_t value;
      if (absl::SimpleAtoi(view, &value)) return to.set_long(value);
      double real;  // "3.7" is 3, as in Druid
      bool ok = absl::SimpleAtod(view, &real);
      return to.set_long(ok ? to_long(real) : std::nullopt);
    }
    case ValueType::kDouble: {
      double value;
      if (absl::SimpleAtod(view, &value)) {
        to.out.doubles[to.lane] = value;
      } else {
        to.out.set_null(to.lane);
      }
      return;
    }
    case ValueType::kDecimal: {
      auto units = parse_decimal(trimmed, to.out.type.scale);
      return to.set_units(units ? std::optional<__int128>(*units)
                                : std::nullopt);
    }
    default: {
      auto time = parse_iso8601(trimmed, zone);
      return to.set_long(time ? std::optional(time->ms) : std::nullopt);
    }
  }
}

void from_long(int64_t value, Target to) {
  switch (to.out.type.type) {
    case ValueType::kBool:
      return to.set_long(value != 0);
    case ValueType::kDouble:
      to.out.doubles[to.lane] = static_cast<double>(value);
      return;
    case ValueType::kDecimal:
      return to.set_units(rescale(value, 0, to.out.type.scale));
    case ValueType::kTimestamp:
      return to.set_long(Interval().contains(Timestamp{value})
                             ? std::optional(value)
                             : std::nullopt);
    default:
      return to.set_long(value);
  }
}

void from_double(double value, Target to) {
  if (to.out.type.type == ValueType::kBool) return to.set_long(value != 0);
  if (to.out.type.type == ValueType::kDecimal) {
    return to.set_units(to_units(value, to.out.type.scale));
  }
  auto whole = to_long(value);
  if (!whole) return to.set_long(whole);
  from_long(*whole, to);
}

void from_decimal(Decimal value, Target to) {
  if (to.out.type.type == ValueType::kBool) {
    return to.set_long(value.units != 0);
  }
  if (to.out.type.type == ValueType::kDouble) {
    to.out.doubles[to.lane] = Value(value).to_double();
    return;
  }
  if (to.out.type.type == ValueType::kDecimal) {
    return to.set_units(rescale(value.units, value.scale, to.out.type.scale));
  }
  __int128 power = 1;
  for (int i = 0; i < value.scale; ++i) power *= 10;
  auto whole = narrow(value.units / power);
  if (!whole) return to.set_long(whole);
  from_long(*whole, to);
}

std::string_view as_text(const Vector& in, size_t lane,
                         const absl::TimeZone& zone, Arena& arena) {
  if (in.type.type == ValueType::kTimestamp) {
    return arena.copy(to_iso8601(Timestamp{in.longs[in.at(lane)]}, zone));
  }
  return arena.copy(in.value(lane).to_text());
}

void cast_lane(const Vector& in, size_t lane, const absl::TimeZone& zone,
               Arena& arena, Vector& out) {
  size_t i = in.at(lane);
  Target to{out, lane};
  if (out.type.type == ValueType::kString) {
    out.strings[lane] = as_text(in, lane, zone, arena);
    return;
  }
  switch (in.type.type) {
    case ValueType::kString:
      return from_text(in.strings[i], zone, to);
    case ValueType::kDouble:
      return from_double(in.doubles[i], to);
    case ValueType::kDecimal:
      return from_decimal({in.decimals[i], in.type.scale}, to);
    default:
      return from_long(in.longs[i], to);
  }
}

// The casts that every query makes, without a switch per lane.
bool cast_fast(const Vector& in, Vector& out) {
  bool from_long = in.type.type == ValueType::kLong;
  if (from_long && out.type.type == ValueType::kDouble) {
    for (size_t i = 0; i < out.size; ++i) {
      out.doubles[i] = static_cast<double>(in.longs[i]);
    }
    return true;
  }
  if (from_long && out.type.type == ValueType::kDecimal &&
      out.type.scale <= 18) {
    for (size_t i = 0; i < out.size; ++i) {
      out.decimals[i] =
          static_cast<__int128>(in.longs[i]) * kPowersOfTen[out.type.scale];
    }
    return true;
  }
  return false;
}

Result<ExpressionType> check_cast(Expression& call) { return call.cast_type; }

std::shared_ptr<Vector> evaluate_cast(const FunctionCall& call) {
  const Vector& in = call.argument(0);
  auto out = std::const_pointer_cast<Vector>(
      cast_vector(call.arguments[0], call.expression.type, call.expression.zone,
                  call.context.arena));
  if (!call.expression.widens) return out;
  for (size_t i = 0; i < out->states.size(); ++i) {
    bool lost = out->states[i] == kLaneNull && in.is_value(i);
    if (lost) out->states[i] = kLaneOverflow;
  }
  return out;
}

constexpr Function kFunctions[] = {
    {"cast", 1, 1, check_cast, evaluate_cast},
};

}  // namespace

std::span<const Function> cast_functions() { return kFunctions; }

VectorPtr cast_vector(const VectorPtr& in, ExpressionType to,
                      const absl::TimeZone& zone, Arena& arena) {
  auto out = make_vector(to, in->stored());
  out->size = in->stored();
  if (to.type == ValueType::kNull) return out;
  if (!in->states.empty()) out->states = in->states;
  if (in->type == to) {
    for (size_t i = 0; i < out->size; ++i) out->set_from(i, *in, i);
  } else if (!cast_fast(*in, *out)) {
    for (size_t i = 0; i < out->size; ++i) {
      if (out->state(i) == kLaneValue) cast_lane(*in, i, zone, arena, *out);
    }
  }
  out->constant = in->constant;
  out->size = in->size;
  return out;
}

}  // namespace freshet
