#include "server/query/row_key.h"

#include <fmt/format.h>

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

Result<std::string> fingerprint(std::span<const Value> values,
                                const QueryControl* control) {
  ContentHash hash;  // of what came before and of a run of values
  std::string bytes;
  TRY(in_runs(values.size(), control, [&](size_t begin, size_t count) {
    bytes.clear();
    append_bytes(bytes, hash);
    for (const Value& value : values.subspan(begin, count)) {
      append_key(bytes, value);
    }
    hash = hash_contents(bytes);
  }));
  return fmt::format("{:x}.{:x}.{}", hash.high, hash.low, values.size());
}

}  // namespace freshet
