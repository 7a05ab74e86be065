// Vector: the values of one expression for a batch of rows ("lanes"), and the
// Arena that its computed strings live in. Built by one thread, then shared
// read-only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "server/query/expression.h"

namespace freshet {

class MemoryCharge;
class QueryControl;

// Bump allocator for strings; views stay valid until clear() or destruction.
class Arena {
 public:
  Arena() = default;
  // What it holds is charged to the query of `control`, which must outlive it.
  explicit Arena(QueryControl& control);
  char* allocate(size_t bytes);
  std::string_view copy(std::string_view text);
  void clear();
  uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  size_t used_ = 0;  // of the last chunk
  uint64_t memory_bytes_ = 0;
  std::shared_ptr<MemoryCharge> charge_;  // not shared; null: not charged
};

// What a lane holds. The errors are raised only if the lane reaches a result,
// so "case when x <> 0 then 1 / x end" never fails; the greatest of the
// operands' states is the state of most results.
enum LaneState : uint8_t {
  kLaneValue = 0,
  kLaneNull = 1,
  kLaneOverflow = 2,
  kLaneDivision = 3,  // by zero, where that is an error
};

struct Vector {
  ExpressionType type;
  size_t size = 0;                        // lanes
  bool constant = false;                  // one stored lane stands for all
  std::vector<int64_t> longs;             // bool, long, timestamp
  std::vector<double> doubles;            // kDouble
  std::vector<__int128> decimals;         // kDecimal, units
  std::vector<std::string_view> strings;  // kString
  std::vector<uint8_t> states;            // LaneState; empty: all values

  size_t at(size_t lane) const { return constant ? 0 : lane; }
  uint8_t state(size_t lane) const {
    return states.empty() ? uint8_t{0} : states[at(lane)];
  }
  bool is_value(size_t lane) const { return state(lane) == kLaneValue; }
  size_t stored() const { return constant ? 1 : size; }
  // Makes `states` writable; all lanes are values before.
  void need_states() {
    if (states.empty()) states.resize(stored(), kLaneValue);
  }
  // REQUIRES: not an error lane.
  Value value(size_t lane) const;
  // Stores `value`, which is null or of `type`; strings are viewed, not
  // copied.
  void set(size_t lane, const Value& value);
  void set_null(size_t lane);
  // Copies a lane of a vector of the same type.
  void set_from(size_t lane, const Vector& other, size_t other_lane);
  void resize(size_t lanes);
  // Room for so many lanes, whose memory is not touched yet.
  void reserve(size_t lanes);
  uint64_t memory_bytes() const;
};

using VectorPtr = std::shared_ptr<const Vector>;

// `size` lanes of zero values.
std::shared_ptr<Vector> make_vector(ExpressionType type, size_t size);
// The same for the millions of lanes of a result: looks at `control` every few
// milliseconds and fails as it does.
Result<std::shared_ptr<Vector>> make_vector(ExpressionType type, size_t size,
                                            const QueryControl& control);
// One stored lane, `size` lanes long. The literal must outlive the vector.
VectorPtr make_constant(ExpressionType type, const Value& value, size_t size);

// kInvalid if a lane holds an error; `what` names the expression.
Status check_lanes(const Vector& vector, const Expression& what);

// The lanes [begin, begin + count) of `from`; strings are viewed, not copied.
std::shared_ptr<Vector> some_lanes(const Vector& from, size_t begin,
                                   size_t count);

// All lanes of `from`, which is no constant; strings are viewed. Looks at
// `control` every few milliseconds and fails as it does.
Result<VectorPtr> copied_lanes(const Vector& from, const QueryControl& control);

// Copies a lane of a vector of the same type, its string into `arena`.
void copy_lane(Vector& to, size_t at, const Vector& from, size_t lane,
               Arena& arena);

// Equality of two lanes of vectors of one type; nulls are equal. NaN equals
// NaN, -0.0 equals 0.0.
bool lanes_equal(const Vector& a, size_t i, const Vector& b, size_t j);
// Order of two non-null lanes of one type: bytewise, NaN greatest.
int compare_lanes(const Vector& a, size_t i, const Vector& b, size_t j);

}  // namespace freshet
