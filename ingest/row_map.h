// RowMap: where each row of a replaced segment went. In memory, or in a file
// that has no name any more, so that it goes with the process.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace freshet {

class RowMap {
 public:
  // In a file in `folder`; in memory if none can be written there, or if
  // `folder` is empty.
  static std::unique_ptr<RowMap> create(std::span<const uint32_t> rows,
                                        const std::string& folder);
  virtual ~RowMap() = default;
  virtual std::span<const uint32_t> rows() const = 0;
};

}  // namespace freshet
