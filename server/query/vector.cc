#include "server/query/vector.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "server/query/expression_type.h"
#include "server/query/query_control.h"

namespace freshet {
namespace {

constexpr size_t kFirstChunk = 4096;
constexpr size_t kMaxChunk = 1 << 20;

}  // namespace

Arena::Arena(QueryControl& control)
    : charge_(std::make_shared<MemoryCharge>(control)) {}

char* Arena::allocate(size_t bytes) {
  if (chunks_.empty() || used_ + bytes > chunks_.back().size) {
    size_t size = chunks_.empty()
                      ? kFirstChunk
                      : std::min(kMaxChunk, chunks_.back().size * 2);
    size = std::max(size, bytes);
    chunks_.push_back({std::make_unique<char[]>(size), size});
    used_ = 0;
    memory_bytes_ += size;
    if (charge_) charge_->set(memory_bytes_);
  }
  char* at = chunks_.back().bytes.get() + used_;
  used_ += bytes;
  return at;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* at = allocate(text.size());
  std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

void Arena::clear() {
  if (chunks_.size() > 1) chunks_.erase(chunks_.begin(), chunks_.end() - 1);
  memory_bytes_ = chunks_.empty() ? 0 : chunks_.back().size;
  if (charge_) charge_->set(memory_bytes_);
  used_ = 0;
}

Value Vector::value(size_t lane) const {
  size_t i = at(lane);
  if (state(lane) != kLaneValue) return Value();
  switch (type.type) {
    case ValueType::kNull:
      return Value();
    case ValueType::kBool:
      return Value(longs[i] != 0);
    case ValueType::kLong:
      return Value(longs[i]);
    case ValueType::kDouble:
      return Value(doubles[i]);
    case ValueType::kDecimal:
      return Value(Decimal{decimals[i], type.scale});
    case ValueType::kString:
      return Value(strings[i]);
    case ValueType::kTimestamp:
      return Value(Timestamp{longs[i]});
  }
  return Value();
}

void Vector::set(size_t lane, const Value& value) {
  if (value.is_null()) return set_null(lane);
  if (!states.empty()) states[lane] = kLaneValue;
  if (const bool* v = value.as_bool()) longs[lane] = *v;
  if (const int64_t* v = value.as_long()) longs[lane] = *v;
  if (const double* v = value.as_double()) doubles[lane] = *v;
  if (const Decimal* v = value.as_decimal()) decimals[lane] = v->units;
  if (const std::string* v = value.as_string()) strings[lane] = *v;
  if (const Timestamp* v = value.as_timestamp()) longs[lane] = v->ms;
}

void Vector::set_null(size_t lane) {
  need_states();
  states[lane] = kLaneNull;
}

void Vector::set_from(size_t lane, const Vector& other, size_t other_lane) {
  size_t i = other.at(other_lane);
  uint8_t state = other.state(other_lane);
  if (state != kLaneValue) need_states();
  if (!states.empty()) states[lane] = state;
  if (!other.longs.empty()) longs[lane] = other.longs[i];
  if (!other.doubles.empty()) doubles[lane] = other.doubles[i];
  if (!other.decimals.empty()) decimals[lane] = other.decimals[i];
  if (!other.strings.empty()) strings[lane] = other.strings[i];
}

void Vector::resize(size_t lanes) {
  size = lanes;
  if (is_long_backed(type)) longs.resize(lanes);
  if (type.type == ValueType::kDouble) doubles.resize(lanes);
  if (type.type == ValueType::kDecimal) decimals.resize(lanes);
  if (type.type == ValueType::kString) strings.resize(lanes);
  if (type.type == ValueType::kNull) {
    states.resize(lanes, kLaneNull);
  } else if (!states.empty()) {
    states.resize(lanes, kLaneValue);
  }
}

void Vector::reserve(size_t lanes) {
  if (is_long_backed(type)) longs.reserve(lanes);
  if (type.type == ValueType::kDouble) doubles.reserve(lanes);
  if (type.type == ValueType::kDecimal) decimals.reserve(lanes);
  if (type.type == ValueType::kString) strings.reserve(lanes);
  if (type.type == ValueType::kNull) states.reserve(lanes);
}

uint64_t Vector::memory_bytes() const {
  return longs.capacity() * 8 + doubles.capacity() * 8 +
         decimals.capacity() * 16 + strings.capacity() * 16 + states.capacity();
}

std::shared_ptr<Vector> make_vector(ExpressionType type, size_t size) {
  auto made = std::make_shared<Vector>();
  made->type = type;
  made->resize(size);
  return made;
}

Result<std::shared_ptr<Vector>> make_vector(ExpressionType type, size_t size,
                                            const QueryControl& control) {
  auto made = make_vector(type, 0);
  made->reserve(size);
  TRY(in_runs(size, &control, [&](size_t begin, size_t count) {
    made->resize(begin + count);
  }));
  return made;
}

VectorPtr make_constant(ExpressionType type, const Value& value, size_t size) {
  auto made = make_vector(type, 1);
  made->set(0, value);
  made->constant = true;
  made->size = size;
  return made;
}

Status check_lanes(const Vector& vector, const Expression& what) {
  for (uint8_t state : vector.states) {
    if (state == kLaneOverflow) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("number out of range in {}", to_text(what)),
                   what.line, what.column};
    }
    if (state == kLaneDivision) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("division by zero in {}", to_text(what)),
                   what.line, what.column};
    }
  }
  return {};
}

std::shared_ptr<Vector> some_lanes(const Vector& from, size_t begin,
                                   size_t count) {
  auto made = std::make_shared<Vector>();
  made->type = from.type;
  made->size = count;
  made->constant = from.constant;
  const size_t first = from.constant ? 0 : begin;
  const size_t stored = from.constant ? 1 : count;
  auto copy = [&](const auto& values, auto& out) {
    if (values.empty()) return;
    auto at = values.begin() + static_cast<ptrdiff_t>(first);
    out.assign(at, at + static_cast<ptrdiff_t>(stored));
  };
  copy(from.longs, made->longs);
  copy(from.doubles, made->doubles);
  copy(from.decimals, made->decimals);
  copy(from.strings, made->strings);
  copy(from.states, made->states);
  return made;
}

Result<VectorPtr> copied_lanes(const Vector& from,
                               const QueryControl& control) {
  TRY_ASSIGN(auto made, make_vector(from.type, from.size, control));
  if (!from.states.empty()) made->need_states();
  TRY(in_runs(from.size, &control, [&](size_t begin, size_t count) {
    for (size_t lane = begin; lane < begin + count; ++lane) {
      made->set_from(lane, from, lane);
    }
  }));
  return VectorPtr(made);
}

void copy_lane(Vector& to, size_t at, const Vector& from, size_t lane,
               Arena& arena) {
  to.set_from(at, from, lane);
  if (to.type.type == ValueType::kString && to.is_value(at)) {
    to.strings[at] = arena.copy(to.strings[at]);
  }
}

bool lanes_equal(const Vector& a, size_t i, const Vector& b, size_t j) {
  uint8_t x = a.state(i), y = b.state(j);
  if (x != kLaneValue || y != kLaneValue) return x == y;
  return compare_lanes(a, i, b, j) == 0;
}

int compare_lanes(const Vector& a, size_t i, const Vector& b, size_t j) {
  i = a.at(i);
  j = b.at(j);
  auto order = [](auto x, auto y) { return x < y ? -1 : (y < x ? 1 : 0); };
  switch (a.type.type) {
    case ValueType::kDouble: {
      double x = a.doubles[i], y = b.doubles[j];
      if (std::isnan(x) || std::isnan(y)) {
        return static_cast<int>(std::isnan(x)) -
               static_cast<int>(std::isnan(y));
      }
      return order(x, y);
    }
    case ValueType::kDecimal:
      return order(a.decimals[i], b.decimals[j]);
    case ValueType::kString:
      return a.strings[i].compare(b.strings[j]);
    case ValueType::kNull:
      return 0;
    default:
      return order(a.longs[i], b.longs[j]);
  }
}

}  // namespace freshet
