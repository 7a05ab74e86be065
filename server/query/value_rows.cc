#include "server/query/value_rows.h"

#include "server/query/free_later.h"

namespace freshet {

ValueRows::~ValueRows() {
  free_later(static_cast<std::vector<std::vector<Value>>&>(*this));
}

ValueList::~ValueList() { free_later(static_cast<std::vector<Value>&>(*this)); }

}  // namespace freshet
