// Limits: what one request may cost. A broken limit fails the whole request
// with the limit's name; nothing is ever cut short.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "segments/result.h"

namespace freshet {

struct Limits {
  int64_t timeout_ms = 60'000;
  // When that time began; unset: with the run. A request of several runs sets
  // it once.
  std::chrono::steady_clock::time_point begun{};
  int64_t max_timeout_ms = 600'000;               // that a request may ask for
  uint64_t max_memory_bytes = uint64_t{1} << 30;  // groups and kept rows
  uint64_t max_server_memory_bytes = uint64_t{4} << 30;  // of all queries
  uint64_t max_groups = 10'000'000;
  uint64_t max_result_rows = 10'000'000;
  uint64_t max_result_bytes = uint64_t{256} << 20;  // of the written answer
  uint64_t max_statement_bytes = uint64_t{4} << 20;
  uint64_t max_statement_values = 250'000;  // constants of one statement
  uint64_t max_statement_nodes = 20'000;    // everything else in it
  uint64_t max_concurrent = 8;              // requests of the server
  uint64_t max_waiting = 200;               // requests of one client
  // Kept answers of sealed segments; 0 keeps none. No limit of a request.
  uint64_t cache_bytes = uint64_t{64} << 20;
};

// The limits that are counts, as they are named: "max_groups" here,
// "query_max_groups" in freshet.yaml, FRESHET_QUERY_MAX_GROUPS outside.
struct LimitSetting {
  const char* name;  // in freshet.yaml
  uint64_t Limits::* value;
  uint64_t least = 1;
  uint64_t most = INT64_MAX;
};
inline constexpr LimitSetting kLimitSettings[] = {
    {"query_max_memory_bytes", &Limits::max_memory_bytes},
    {"query_max_server_memory_bytes", &Limits::max_server_memory_bytes},
    {"query_max_groups", &Limits::max_groups},
    {"query_max_result_rows", &Limits::max_result_rows},
    {"query_max_result_bytes", &Limits::max_result_bytes},
    {"query_max_statement_bytes", &Limits::max_statement_bytes},
    {"query_max_statement_values", &Limits::max_statement_values},
    {"query_max_statement_nodes", &Limits::max_statement_nodes},
    {"query_max_concurrent", &Limits::max_concurrent, 1, 1024},
    {"query_max_waiting", &Limits::max_waiting, 1, 1'000'000},
    {"query_cache_bytes", &Limits::cache_bytes, 0},
};

// kLimit: "WHAT: more than SETTING = VALUE; ADVICE, or raise ... in
// freshet.yaml". REQUIRES: `value` is one of kLimitSettings.
Error limit_error(const Limits& limits, uint64_t Limits::* value,
                  std::string_view what, std::string_view advice);

// kDeadline: the time of `timeout_ms` is over.
Error deadline_error(int64_t timeout_ms);

// Sets `begun` to now if nobody has.
void begin_limits(Limits& limits);

// The time a request asks for; kInvalid above the most there may be.
Status set_timeout(Limits& limits, int64_t timeout_ms);

}  // namespace freshet
