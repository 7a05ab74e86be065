// Division of whole numbers that rounds down, for times before 1970 too.
#pragma once

#include <cstdint>

namespace freshet {

// REQUIRES: b > 0.
constexpr int64_t floor_divide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace freshet
