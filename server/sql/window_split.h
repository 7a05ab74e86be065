// A SELECT with window functions in two steps: one that gives the rows the
// windows go over, and one over those rows and the windows' columns.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/query/window.h"
#include "server/sql/relation.h"
#include "server/sql/syntax.h"

namespace freshet {

bool has_window(const SelectStatement& statement);
// Null has none.
bool has_window(const SqlPtr& node);

struct WindowSplit {
  SelectStatement inner;  // its columns are "#0", "#1", ...
  // Each adds the column of its name to the inner's rows, in this order.
  struct Call {
    std::string name;
    WindowCall call;
    int line = 0, column = 0;
  };
  std::vector<Call> calls;
  SelectStatement outer;  // over those columns; its FROM is not read
};

// kInvalid names a window where none may be, or with wrong arguments.
Result<WindowSplit> split_windows(const SelectStatement& statement,
                                  const Relation& relation);

}  // namespace freshet
