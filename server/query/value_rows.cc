#include "server/query/value_rows.h"

#include <system_error>
#include <thread>

namespace freshet {

ValueRows::~ValueRows() {
  constexpr size_t kMany = 20'000;
  if (size() < kMany) return;
  try {
    std::vector<std::vector<Value>> rows;
    rows.swap(*this);
    std::thread([rows = std::move(rows)] {}).detach();
  } catch (const std::system_error&) {
    // No thread: they were freed while it was tried.
  }
}

}  // namespace freshet
