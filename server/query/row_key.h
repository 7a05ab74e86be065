// Rows of values as byte strings: equal texts mean equal rows. For DISTINCT,
// set operations and joins over computed rows.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/query/key_table.h"
#include "server/query/value.h"

namespace freshet {

// Appends `value`. Equal values of one type give equal bytes, and no value's
// bytes are the beginning of another's; -0.0 is 0.0, all NaN are one, null is
// null. Numbers of different types differ.
void append_key(std::string& out, const Value& value);

// Names the contents of a list of values: equal texts mean equal lists, within
// this process. Fails as `control` does.
Result<std::string> fingerprint(std::span<const Value> values,
                                const QueryControl* control);

}  // namespace freshet
