#include "server/model/formula_value.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <vector>

#include "server/json/json_value.h"

namespace freshet {
namespace {

constexpr int kMaxScale = 30;

bool is_number(const Value& v) {
  return v.as_long() || v.as_double() || v.as_decimal();
}

std::optional<Decimal> exact(const Value& v) {
  if (const int64_t* n = v.as_long()) return Decimal{*n, 0};
  if (const Decimal* d = v.as_decimal()) return *d;
  return std::nullopt;
}

bool rescale(Decimal& d, uint8_t scale) {
  while (d.scale < scale) {
    if (__builtin_mul_overflow(d.units, static_cast<__int128>(10), &d.units)) {
      return false;
    }
    ++d.scale;
  }
  return true;
}

// A long stays a long as long as it fits.
Value exact_value(Decimal d, bool as_long) {
  if (as_long && d.scale == 0 && d.units >= INT64_MIN && d.units <= INT64_MAX) {
    return Value(static_cast<int64_t>(d.units));
  }
  return Value(d);
}

Value combine(const Value& a, const Value& b, bool subtract) {
  if (!is_number(a) || !is_number(b)) return Value();
  auto x = exact(a), y = exact(b);
  if (x && y) {
    uint8_t scale = std::max(x->scale, y->scale);
    Decimal sum{0, scale};
    if (rescale(*x, scale) && rescale(*y, scale) &&
        !(subtract ? __builtin_sub_overflow(x->units, y->units, &sum.units)
                   : __builtin_add_overflow(x->units, y->units, &sum.units))) {
      return exact_value(sum, a.as_long() && b.as_long());
    }
  }
  return Value(subtract ? a.to_double() - b.to_double()
                        : a.to_double() + b.to_double());
}

Value multiply(const Value& a, const Value& b) {
  if (!is_number(a) || !is_number(b)) return Value();
  auto x = exact(a), y = exact(b);
  Decimal product;
  if (x && y && x->scale + y->scale <= kMaxScale &&
      !__builtin_mul_overflow(x->units, y->units, &product.units)) {
    product.scale = static_cast<uint8_t>(x->scale + y->scale);
    return exact_value(product, a.as_long() && b.as_long());
  }
  return Value(a.to_double() * b.to_double());
}

Value finite(double v) { return std::isfinite(v) ? Value(v) : Value(); }

// Rounds half away from zero to `digits` after the point.
Value round_number(const Value& v, int64_t digits) {
  if (v.as_long() && digits >= 0) return v;
  if (const Decimal* d = v.as_decimal(); d && digits >= 0) {
    Decimal out = *d;
    if (out.scale <= digits) return v;
    __int128 divisor = 1;
    for (int64_t i = digits; i < out.scale; ++i) divisor *= 10;
    __int128 half = divisor / 2;
    out.units = (out.units + (out.units < 0 ? -half : half)) / divisor;
    out.scale = static_cast<uint8_t>(digits);
    return Value(out);
  }
  double power = std::pow(10.0, static_cast<double>(digits));
  return finite(std::round(v.to_double() * power) / power);
}

// As CAST of SQL does it: to a long towards zero, to a decimal half away from
// zero; null if it does not fit.
Value cast_number(const Value& v, const ExpressionType& to) {
  if (v.as_bool()) return cast_number(Value(int64_t{*v.as_bool()}), to);
  if (!is_number(v)) return Value();
  if (to.type == ValueType::kDouble) return Value(v.to_double());
  std::optional<Decimal> number = exact(v);
  if (!number) {
    double scaled = v.to_double() * std::pow(10.0, to.scale);
    scaled =
        to.type == ValueType::kLong ? std::trunc(scaled) : std::round(scaled);
    constexpr double kMost = 1e38;
    if (!(scaled > -kMost && scaled < kMost)) return Value();
    number = Decimal{static_cast<__int128>(scaled), to.scale};
  }
  if (to.type == ValueType::kDecimal) {
    if (number->scale > to.scale) return round_number(Value(*number), to.scale);
    return rescale(*number, to.scale) ? Value(*number) : Value();
  }
  for (; number->scale > 0; --number->scale) number->units /= 10;
  Value whole = exact_value(*number, true);
  return whole.as_long() ? whole : Value();
}

class Evaluator {
 public:
  Evaluator(const FormulaColumns& columns, double days)
      : columns_(columns), days_(days) {}

  Value value(const Expression& e) {
    if (e.kind == Expression::Kind::kLiteral) return e.literal;
    if (e.kind == Expression::Kind::kColumn) return columns_(e.name);
    return call(e);
  }
  bool divided_by_zero() const { return divided_by_zero_; }

 private:
  Value argument(const Expression& e, size_t i) {
    return value(*e.arguments[i]);
  }

  Value call(const Expression& e) {
    const std::string& f = e.name;
    if (f == "days") return Value(days_);
    if (f == "coalesce") return coalesce(e);
    if (f == "case") return first_true(e);
    if (f == "and" || f == "or") return connect(e, f == "or");
    if (f == "greatest" || f == "least") return extreme(e, f == "greatest");
    Value a = argument(e, 0);
    if (f == "is_null") return Value(a.is_null());
    if (f == "is_not_null") return Value(!a.is_null());
    if (a.is_null()) return Value();
    if (f == "neg") return combine(Value(int64_t{0}), a, true);
    if (f == "not") return a.as_bool() ? Value(!*a.as_bool()) : Value();
    if (f == "abs") return a.to_double() < 0 ? negate(a) : a;
    if (f == "cast") return cast_number(a, e.cast_type);
    if (f == "floor") return finite(std::floor(a.to_double()));
    if (f == "ceil") return finite(std::ceil(a.to_double()));
    if (f == "sqrt") return finite(std::sqrt(a.to_double()));
    if (f == "ln") return finite(std::log(a.to_double()));
    if (f == "exp") return finite(std::exp(a.to_double()));
    if (f == "round") {
      Value digits =
          e.arguments.size() > 1 ? argument(e, 1) : Value(int64_t{0});
      return round_number(a, static_cast<int64_t>(digits.to_double()));
    }
    return binary(f, a, argument(e, 1));
  }

  static Value negate(const Value& a) {
    return combine(Value(int64_t{0}), a, true);
  }

  Value binary(const std::string& f, const Value& a, const Value& b) {
    if (f == "nullif") {
      return !b.is_null() && Value::compare(a, b) == 0 ? Value() : a;
    }
    if (b.is_null()) return Value();
    if (f == "+") return combine(a, b, false);
    if (f == "-") return combine(a, b, true);
    if (f == "*") return multiply(a, b);
    if (f == "/") return divide(a, b);
    int order = Value::compare(a, b);
    if (f == "=") return Value(order == 0);
    if (f == "<>") return Value(order != 0);
    if (f == "<") return Value(order < 0);
    if (f == "<=") return Value(order <= 0);
    if (f == ">") return Value(order > 0);
    return Value(order >= 0);
  }

  Value divide(const Value& a, const Value& b) {
    double divisor = b.to_double();
    if (divisor == 0) {
      divided_by_zero_ = true;
      return Value();
    }
    return finite(a.to_double() / divisor);
  }

  Value coalesce(const Expression& e) {
    for (const ExpressionPtr& a : e.arguments) {
      Value v = value(*a);
      if (!v.is_null()) return v;
    }
    return Value();
  }

  Value first_true(const Expression& e) {
    size_t i = 0;
    for (; i + 1 < e.arguments.size(); i += 2) {
      Value condition = argument(e, i);
      if (condition.as_bool() && *condition.as_bool()) {
        return argument(e, i + 1);
      }
    }
    return i < e.arguments.size() ? argument(e, i) : Value();
  }

  Value connect(const Expression& e, bool decides) {
    bool unknown = false;
    for (const ExpressionPtr& a : e.arguments) {
      Value v = value(*a);
      if (!v.as_bool()) {
        unknown = true;
      } else if (*v.as_bool() == decides) {
        return Value(decides);
      }
    }
    return unknown ? Value() : Value(!decides);
  }

  Value extreme(const Expression& e, bool greatest) {
    Value best;
    for (const ExpressionPtr& a : e.arguments) {
      Value v = value(*a);
      if (v.is_null()) continue;
      int order = best.is_null() ? 0 : Value::compare(v, best);
      if (best.is_null() || (greatest ? order > 0 : order < 0)) best = v;
    }
    return best;
  }

  const FormulaColumns& columns_;
  double days_;
  bool divided_by_zero_ = false;
};

struct FormulaFunction {
  const char* name;
  size_t least, most;
};
constexpr size_t kMany = 1000;
constexpr FormulaFunction kFunctions[] = {
    {"+", 2, 2},           {"-", 2, 2},
    {"*", 2, 2},           {"/", 2, 2},
    {"neg", 1, 1},         {"abs", 1, 1},
    {"round", 1, 2},       {"floor", 1, 1},
    {"ceil", 1, 1},        {"coalesce", 1, kMany},
    {"nullif", 2, 2},      {"greatest", 1, kMany},
    {"least", 1, kMany},   {"case", 2, kMany},
    {"=", 2, 2},           {"<>", 2, 2},
    {"<", 2, 2},           {"<=", 2, 2},
    {">", 2, 2},           {">=", 2, 2},
    {"and", 1, kMany},     {"or", 1, kMany},
    {"not", 1, 1},         {"is_null", 1, 1},
    {"is_not_null", 1, 1}, {"cast", 1, 1},
    {"days", 0, 0},        {"sqrt", 1, 1},
    {"ln", 1, 1},          {"exp", 1, 1},
};

const FormulaFunction* find_formula_function(const std::string& name) {
  for (const FormulaFunction& f : kFunctions) {
    if (name == f.name) return &f;
  }
  return nullptr;
}

bool is_any_of(const std::string& name,
               std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool gives_condition(const Expression& e) {
  if (e.kind == Expression::Kind::kLiteral) return e.literal.as_bool();
  return is_any_of(e.name, {"=", "<>", "<", "<=", ">", ">=", "and", "or", "not",
                            "is_null", "is_not_null"});
}

// Whether argument `i` of `e` must be a condition.
bool takes_condition(const Expression& e, size_t i) {
  if (is_any_of(e.name, {"and", "or", "not"})) return true;
  return e.name == "case" && i % 2 == 0 && i + 1 < e.arguments.size();
}

bool is_null_literal(const Expression& e) {
  return e.kind == Expression::Kind::kLiteral && e.literal.is_null();
}

// `user`: the function that takes it, or empty.
Status check_kind(const Expression& e, bool condition,
                  const std::string& user) {
  if (!is_null_literal(e) && gives_condition(e) != condition) {
    std::string what =
        e.kind == Expression::Kind::kLiteral ? e.literal.to_text() : e.name;
    if (e.kind == Expression::Kind::kColumn) what = "a number";
    if (condition) {
      return invalid("'" + user + "' needs a condition, not " + what);
    }
    return invalid((user.empty() ? "a formula" : "'" + user + "'") +
                   " takes numbers, not the condition '" + what + "'");
  }
  for (size_t i = 0; i < e.arguments.size(); ++i) {
    TRY(check_kind(*e.arguments[i], takes_condition(e, i), e.name));
  }
  return {};
}

Status check_calls(const Expression& e) {
  if (e.kind == Expression::Kind::kLiteral) {
    if (e.literal.as_string() || e.literal.as_timestamp()) {
      return invalid("a formula computes numbers, not '" + e.literal.to_text() +
                     "'");
    }
    return {};
  }
  if (e.kind == Expression::Kind::kColumn) return {};
  const FormulaFunction* function = find_formula_function(e.name);
  if (!function) {
    std::vector<std::string> known;
    for (const FormulaFunction& f : kFunctions) known.emplace_back(f.name);
    std::string near = nearest_name(e.name, known);
    return invalid("'" + e.name + "' isn't available around aggregates" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  size_t count = e.arguments.size();
  if (count < function->least || count > function->most) {
    return invalid("wrong number of arguments of '" + e.name +
                   "': " + std::to_string(count));
  }
  if (e.name == "cast" && e.cast_type.type != ValueType::kLong &&
      e.cast_type.type != ValueType::kDouble &&
      e.cast_type.type != ValueType::kDecimal) {
    return invalid("a formula computes numbers; this cast does not");
  }
  for (const ExpressionPtr& argument : e.arguments) {
    TRY(check_calls(*argument));
  }
  return {};
}

}  // namespace

FormulaValue evaluate_formula(const Expression& expression,
                              const FormulaColumns& columns, double days) {
  Evaluator evaluator(columns, days);
  FormulaValue out;
  out.value = evaluator.value(expression);
  out.divided_by_zero = out.value.is_null() && evaluator.divided_by_zero();
  return out;
}

Status check_formula_value(const Expression& e) {
  TRY(check_calls(e));
  return check_kind(e, false, "");
}

Value add_numbers(const Value& a, const Value& b) {
  return combine(a, b, false);
}

Value subtract_numbers(const Value& a, const Value& b) {
  return combine(a, b, true);
}

}  // namespace freshet
