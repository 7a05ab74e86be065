#include "server/query/row_key.h"

#include <cmath>
#include <cstring>

namespace freshet {
namespace {

template <class T>
void append_bytes(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

}  // namespace

void append_key(std::string& out, const Value& value) {
  out += static_cast<char>(value.type());
  if (const bool* v = value.as_bool()) append_bytes(out, *v);
  if (const int64_t* v = value.as_long()) append_bytes(out, *v);
  if (const double* v = value.as_double()) {
    double x = *v == 0 ? 0.0 : *v;
    append_bytes(out, std::isnan(x) ? std::nan("") : x);
  }
  if (const Decimal* v = value.as_decimal()) {
    append_bytes(out, v->units);
    append_bytes(out, v->scale);
  }
  if (const std::string* v = value.as_string()) {
    append_bytes(out, v->size());
    out += *v;
  }
  if (const Timestamp* v = value.as_timestamp()) append_bytes(out, v->ms);
}

std::string row_key(const std::vector<Value>& row) {
  std::string out;
  for (const Value& value : row) append_key(out, value);
  return out;
}

}  // namespace freshet
