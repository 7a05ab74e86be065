// Precompiled for every library and test program: the headers that nearly every
// file includes anyway. Only saves compile time; files still include what they
// use. No #pragma once: g++ warns of it in a header compiled by itself.

#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/system/result.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
