// HiddenRows: the rows of one segment that do not count, by what hid them.
//
// A row that a newer one replaced is hidden at once, but the newer one is
// durable only with its generation: until then the hiding must not be durable
// either, or a crash would leave neither. So rows are kept by the number of
// the generation that hid them; 0 is for what no crash takes back.
//
// Value type; not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "segments/bitmap.h"

namespace freshet {

class HiddenRows {
 public:
  using Rows = std::shared_ptr<const Bitmap>;

  // REQUIRES: `rows` is not empty.
  void add(uint64_t generation, const Bitmap& rows);
  // What generations up to this one hide; null if nothing.
  Rows up_to(uint64_t generation) const;
  // All that is hidden now; null if nothing.
  const Rows& all() const { return all_; }
  const std::map<uint64_t, Rows>& by_generation() const { return parts_; }
  // Whether generations above 0 and up to this one hide any.
  bool unsettled_up_to(uint64_t generation) const;
  // These generations are durable.
  void settle(uint64_t generation);
  // What is not durable is hidden no more.
  void take_back();

 private:
  std::map<uint64_t, Rows> parts_;
  Rows all_;
};

}  // namespace freshet
