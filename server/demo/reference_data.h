// The rows of the starter model's lookups for the made-up company.
#pragma once

#include <optional>
#include <string>

#include "segments/time.h"
#include "server/demo/retail_world.h"

namespace freshet {

// As CSV with a header line; nothing for a lookup the demo does not know.
// Promotions are those that touch [from, until).
std::optional<std::string> reference_csv(const std::string& lookup,
                                         const RetailWorld& world,
                                         Timestamp from, Timestamp until);

}  // namespace freshet
