// Whether a Result is a value; doctest cannot print one itself.
#pragma once

#include "segments/result.h"

namespace freshet {

template <class T>
bool ok(const Result<T>& result) {
  return result.has_value();
}

}  // namespace freshet
