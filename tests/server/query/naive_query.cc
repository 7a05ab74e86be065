#include "naive_query.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace freshet::test {
namespace {

struct ValueLess {
  bool operator()(const Value& a, const Value& b) const {
    return Value::compare(a, b) < 0;
  }
};
struct RowLess {
  bool operator()(const Row& a, const Row& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        ValueLess());
  }
};

Decimal exact(const Value& v) {
  if (v.as_long()) return {*v.as_long(), 0};
  return *v.as_decimal();
}

Decimal rescaled(Decimal d, int scale) {
  while (d.scale < scale) {
    d.units *= 10;
    ++d.scale;
  }
  return d;
}

Value add(const Value& a, const Value& b, int sign) {
  if (a.as_double() || b.as_double()) {
    return Value(a.to_double() + sign * b.to_double());
  }
  if (a.as_long() && b.as_long())
    return Value(*a.as_long() + sign * *b.as_long());
  Decimal x = exact(a), y = exact(b);
  int scale = std::max(x.scale, y.scale);
  x = rescaled(x, scale);
  y = rescaled(y, scale);
  return Value(Decimal{x.units + sign * y.units, x.scale});
}

Value multiply(const Value& a, const Value& b) {
  if (a.as_double() || b.as_double())
    return Value(a.to_double() * b.to_double());
  if (a.as_long() && b.as_long()) return Value(*a.as_long() * *b.as_long());
  Decimal x = exact(a), y = exact(b);
  return Value(
      Decimal{x.units * y.units, static_cast<uint8_t>(x.scale + y.scale)});
}

Value divide(const Value& a, const Value& b) {
  if (b.to_double() == 0) return Value();
  if (a.as_long() && b.as_long()) return Value(*a.as_long() / *b.as_long());
  return Value(a.to_double() / b.to_double());
}

// '%' and '_' over code points, by recursion.
bool like(std::u32string_view text, std::u32string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == U'%') {
    return like(text, pattern.substr(1)) ||
           (!text.empty() && like(text.substr(1), pattern));
  }
  if (text.empty()) return false;
  return (pattern[0] == U'_' || pattern[0] == text[0]) &&
         like(text.substr(1), pattern.substr(1));
}

std::u32string code_points(const std::string& text) {
  std::u32string out;
  for (unsigned char c : text) {
    if ((c & 0xC0) == 0x80) {
      out.back() = out.back() << 6 | (c & 0x3F);
    } else {
      out.push_back(c < 0x80   ? c
                    : c < 0xE0 ? c & 0x1F
                    : c < 0xF0 ? c & 0xF
                               : c & 7);
    }
  }
  return out;
}

Value connective(const std::vector<Value>& args, bool decides) {
  bool null = false;
  for (const Value& v : args) {
    if (v.is_null()) {
      null = true;
    } else if (*v.as_bool() == decides) {
      return Value(decides);
    }
  }
  return null ? Value() : Value(!decides);
}

bool test(const std::string& op, int order) {
  if (op == "=") return order == 0;
  if (op == "<>") return order != 0;
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

Value naive_call(const Expression& e, const std::vector<Value>& args) {
  const std::string& f = e.name;
  if (f == "and") return connective(args, false);
  if (f == "or") return connective(args, true);
  if (f == "is_null") return Value(args[0].is_null());
  if (f == "coalesce") {
    for (const Value& v : args) {
      if (!v.is_null()) return v;
    }
    return Value();
  }
  if (f == "case") {
    size_t i = 0;
    for (; i + 1 < args.size(); i += 2) {
      if (args[i].as_bool() && *args[i].as_bool()) return args[i + 1];
    }
    return i < args.size() ? args[i] : Value();
  }
  if (f == "in") {
    if (args[0].is_null()) return Value();
    bool null = false;
    for (size_t i = 1; i < args.size(); ++i) {
      if (args[i].is_null()) {
        null = true;
      } else if (args[i] == args[0]) {
        return Value(true);
      }
    }
    return null ? Value() : Value(false);
  }
  if (f == "between") {
    // Null unless one side alone decides; built in place, since g++ 12 sees
    // uninitialised strings in conditional Values.
    std::vector<Value> sides(2);
    for (size_t i = 1; i <= 2 && !args[0].is_null(); ++i) {
      if (args[i].is_null()) continue;
      int order = Value::compare(args[0], args[i]);
      sides[i - 1] = Value(i == 1 ? order >= 0 : order <= 0);
    }
    return connective(sides, false);
  }
  for (const Value& v : args) {
    if (v.is_null()) return Value();
  }
  if (f == "not") return Value(!*args[0].as_bool());
  if (f == "+") return add(args[0], args[1], 1);
  if (f == "-") return add(args[0], args[1], -1);
  if (f == "*") return multiply(args[0], args[1]);
  if (f == "/") return divide(args[0], args[1]);
  if (f == "like") {
    return Value(like(code_points(*args[0].as_string()),
                      code_points(*args[1].as_string())));
  }
  if (f == "concat") return Value(*args[0].as_string() + *args[1].as_string());
  if (f == "upper") {
    std::string text = *args[0].as_string();
    for (size_t i = 0; i < text.size(); ++i) {
      auto c = static_cast<unsigned char>(text[i]);
      bool ascii = c >= 'a' && c <= 'z';
      bool latin = i > 0 && text[i - 1] == '\xC3' && c >= 0xA0 && c <= 0xBE &&
                   c != 0xB7;  // à to þ
      if (ascii || latin) text[i] = static_cast<char>(c - 32);
    }
    return Value(text);
  }
  if (f == "time_floor") {
    return Value(e.granularity.floor(*args[0].as_timestamp(), e.zone));
  }
  if (f == "extract_hour" || f == "extract_dow") {
    auto civil = absl::ToCivilSecond(
        absl::FromUnixMillis(args[0].as_timestamp()->ms), e.zone);
    if (f == "extract_hour") return Value(int64_t{civil.hour()});
    return Value(static_cast<int64_t>(absl::GetWeekday(civil)) + 1);
  }
  REQUIRE_MESSAGE((f == "=" || f == "<>" || f[0] == '<' || f[0] == '>'), f);
  return Value(test(f, Value::compare(args[0], args[1])));
}

Value sum(const std::vector<Value>& values) {
  Value total;
  for (const Value& v : values) total = total.is_null() ? v : add(total, v, 1);
  return total;
}

Value quantile(std::vector<Value> values, double p) {
  if (values.empty()) return Value();
  std::sort(values.begin(), values.end(), ValueLess());
  double at = p * static_cast<double>(values.size() - 1);
  size_t low = static_cast<size_t>(at);
  size_t high = std::min(low + 1, values.size() - 1);
  double a = values[low].to_double(), b = values[high].to_double();
  return Value(a + (b - a) * (at - static_cast<double>(low)));
}

Value naive_state(const Aggregate& a, const Schema& schema,
                  const std::vector<const Row*>& rows) {
  std::vector<Value> values;
  std::vector<std::pair<int64_t, Value>> timed;
  std::map<Row, std::pair<int64_t, Value>, RowLess> newest;
  int64_t count = 0;
  for (const Row* row : rows) {
    if (a.filter) {
      Value pass = naive_value(*a.filter, schema, *row);
      if (pass.is_null() || !*pass.as_bool()) continue;
    }
    if (!a.argument) {
      ++count;
      continue;
    }
    Value v = naive_value(*a.argument, schema, *row);
    if (v.is_null()) continue;
    ++count;
    int64_t time = (*row)[0].as_timestamp()->ms;
    values.push_back(v);
    timed.push_back({time, v});
    Row key;
    for (const auto& k : a.keys) key.push_back(naive_value(*k, schema, *row));
    auto [at, added] = newest.try_emplace(key, time, v);
    if (!added && time >= at->second.first) at->second = {time, v};
  }
  using F = Aggregate::Function;
  if (a.function == F::kCount) return Value(count);
  if (a.function == F::kCountDistinct) {
    return Value(static_cast<int64_t>(
        std::set<Value, ValueLess>(values.begin(), values.end()).size()));
  }
  if (values.empty()) return Value();
  auto by_time = [](const auto& x, const auto& y) { return x.first < y.first; };
  switch (a.function) {
    case F::kSum:
      return sum(values);
    case F::kAvg:
      return Value(sum(values).to_double() / static_cast<double>(count));
    case F::kMin:
      return *std::min_element(values.begin(), values.end(), ValueLess());
    case F::kMax:
      return *std::max_element(values.begin(), values.end(), ValueLess());
    case F::kFirst:
      return std::min_element(timed.begin(), timed.end(), by_time)->second;
    case F::kLast:
      return std::max_element(timed.begin(), timed.end(), by_time)->second;
    case F::kQuantile:
      return quantile(values, a.parameter);
    default: {
      std::vector<Value> last;
      for (const auto& [key, entry] : newest) last.push_back(entry.second);
      return sum(last);
    }
  }
}

}  // namespace

Value naive_value(const Expression& e, const Schema& schema, const Row& row) {
  if (e.kind == Expression::Kind::kLiteral) return e.literal;
  if (e.kind == Expression::Kind::kColumn) return row[*schema.find(e.name)];
  std::vector<Value> args;
  for (const auto& a : e.arguments)
    args.push_back(naive_value(*a, schema, row));
  return naive_call(e, args);
}

std::vector<Row> naive_aggregate(const Query& query, const Schema& schema,
                                 const std::vector<Row>& rows) {
  std::map<Row, std::vector<const Row*>, RowLess> groups;
  if (query.groups.empty()) groups[{}];
  for (const Row& row : rows) {
    if (!query.interval.contains(*row[0].as_timestamp())) continue;
    if (query.filter) {
      Value pass = naive_value(*query.filter, schema, row);
      if (pass.is_null() || !*pass.as_bool()) continue;
    }
    Row key;
    for (const auto& g : query.groups) {
      key.push_back(naive_value(*g.expression, schema, row));
    }
    groups[key].push_back(&row);
  }
  std::vector<Row> out;
  for (const auto& [key, members] : groups) {
    Row result = key;
    for (const auto& a : query.aggregates) {
      result.push_back(naive_state(a, schema, members));
    }
    out.push_back(std::move(result));
  }
  return out;
}

}  // namespace freshet::test
