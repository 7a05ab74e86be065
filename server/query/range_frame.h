// RANGE frames with an offset: the rows whose ORDER BY value is at most so far
// before or after that of the row.
#pragma once

#include <span>
#include <vector>

#include "server/query/window.h"

namespace freshet {

// Of one partition, whose rows are in order. One thread.
class RangeFrame {
 public:
  // Whether the frame's offsets fit the one column it is ordered by; kInvalid
  // otherwise. Always for other frames.
  static Status check(const QueryResult& rows, const WindowCall& call);

  // REQUIRES check(). `numbers` are the partition's rows in order.
  RangeFrame(const QueryResult& rows, const WindowCall& call,
             std::span<const uint32_t> numbers);

  // The first row of row i's frame, or the one after its last. Nulls are near
  // nulls only.
  size_t edge(size_t i, const WindowFrame::Bound& bound, bool end) const;

 private:
  // A value of the ordering column; exact but for doubles.
  struct Key {
    __int128 exact = 0;  // longs, milliseconds, units of decimals
    double real = 0;
    bool operator<(const Key& other) const {
      return exact != other.exact ? exact < other.exact : real < other.real;
    }
  };
  Key key_of(const Value& value) const;
  // `from`, a row's value, with the bound's offset added or taken away.
  Key moved(const Key& from, const WindowFrame::Bound& bound, bool add) const;

  absl::TimeZone zone_;
  ValueType type_ = ValueType::kNull;
  int scale_ = 0;  // of decimals, the most of the column's and the offsets'
  bool descending_ = false;
  size_t first_ = 0;       // rows before it are null
  std::vector<Key> keys_;  // of the rows from first_ on that are not null
  size_t size_ = 0;
};

}  // namespace freshet
