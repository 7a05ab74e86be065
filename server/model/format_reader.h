// Reads how events are written: the keys beside `format` in a source, and those
// of a column that say where its value comes from.
#pragma once

#include "server/model/config_map.h"
#include "server/model/model.h"

namespace freshet {

// `files`: each tells by its name what it is, so that `record` and `explode`
// may stand beside any format, and a CSV file may have a header line.
FormatModel read_format(ConfigMap& source, bool files = false);
void read_column_source(ConfigMap& map, ColumnModel& column);
// The key `format` of a time: auto, iso, ... or a strftime pattern.
std::string read_time_format(ConfigMap& map);

}  // namespace freshet
