// What handlers may ask of the lookups besides their content, which queries and
// handlers read through LookupSource. The application implements it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "segments/result.h"
#include "segments/time.h"

namespace freshet {

struct LookupStatus {
  std::string source;  // http | kafka | files
  std::string state;   // running, waiting, failed, ...
  std::string error;
  // It holds what its source had when it was opened, or of files what these
  // are, and nothing keeps it from following.
  bool complete = false;
  uint64_t rows = 0, memory_bytes = 0;
  uint64_t max_keys = 0, max_bytes = 0;
  Timestamp changed;  // when its content last changed; 0: never
  int64_t lag = -1;   // records of the source not read yet; -1: not known
  uint64_t messages = 0, rejected = 0;  // since the start
  std::string last_rejection;
};

// What became of rows that were sent.
struct LookupWrite {
  uint64_t rows = 0;      // that were sent
  uint64_t repeated = 0;  // whose key came again later: the last counts
  uint64_t keys = 0;      // in the lookup now
  uint64_t rejected = 0;  // not 0: nothing was changed
  struct RowError {
    uint64_t row;  // 1-based number in the body
    std::string message;
  };
  std::vector<RowError> errors;  // the first 100
};

class LookupService {
 public:
  virtual ~LookupService() = default;
  // Nothing for an unknown lookup.
  virtual std::optional<LookupStatus> status(std::string_view name) const = 0;
  // Rows as JSON (an array of objects, JSON lines, one object) or CSV with a
  // header line. With `replaces` the rows of all other keys go. Queries see all
  // of it or nothing; it is durable at the return. kNotFound: no such lookup;
  // kConflict: its rows come from elsewhere; kLimit: more than it may hold;
  // kInvalid: not rows at all.
  virtual Result<LookupWrite> write(std::string_view name, bool replaces,
                                    std::string_view content_type,
                                    std::string_view body) = 0;
  // The row of one key, as a JSON object with or without the key.
  virtual Result<LookupWrite> write_row(std::string_view name,
                                        std::string_view key,
                                        std::string_view body) = 0;
  // kNotFound also for a key that is not there.
  virtual Status remove_row(std::string_view name, std::string_view key) = 0;
};

}  // namespace freshet
