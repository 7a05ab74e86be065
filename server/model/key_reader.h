// `key`, `on_duplicate`, `order_by` and `key_memory` of a dataset.
#pragma once

#include "server/model/config_map.h"
#include "server/model/model.h"

namespace freshet {

KeyModel read_key(ConfigMap& map, const Schema& schema);

}  // namespace freshet
