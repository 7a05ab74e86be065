#include "server/query/value_rows.h"

#include "server/query/free_later.h"

namespace freshet {

ValueRows::~ValueRows() {
  constexpr size_t kMany = 20'000;
  if (size() < kMany) return;
  std::vector<std::vector<Value>> rows;
  rows.swap(*this);
  free_later(std::move(rows));
}

}  // namespace freshet
