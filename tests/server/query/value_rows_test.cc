#include "server/query/value_rows.h"

#include <doctest/doctest.h>

#include <string>

namespace freshet {
namespace {

// Rows that another thread frees: ASan and TSan tell of what is amiss.
TEST_CASE("rows are kept, moved and copied as a vector's are, few or many") {
  for (size_t count : {0, 1, 19'999, 20'000, 60'000}) {
    ValueRows rows;
    for (size_t i = 0; i < count; ++i) {
      rows.push_back({Value(static_cast<int64_t>(i)),
                      Value(std::string(40, 'x') + std::to_string(i))});
    }
    ValueRows copy = rows;
    ValueRows moved = std::move(rows);
    rows = copy;
    CHECK(moved == copy);
    CHECK(rows.size() == count);
    copy = ValueRows();
    CHECK(copy.empty());
    if (count > 0) CHECK(*moved.back()[0].as_long() == int64_t(count) - 1);
  }
}

}  // namespace
}  // namespace freshet
