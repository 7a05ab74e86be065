#include "server/model/key_reader.h"

#include "server/model/model_reader.h"

namespace freshet {
namespace {

constexpr int64_t kMegabyte = 1 << 20;

void read_order(ConfigMap& map, const Schema& schema, KeyModel& key) {
  std::string name = map.text("order_by");
  if (name.empty()) return;
  std::string place = "'order_by' of " + map.place();
  if (!check_column(name, schema, place, map.line_of("order_by"),
                    map.faults())) {
    return;
  }
  ColumnType type = schema.columns[*schema.find(name)].type;
  if (type.kind == ColumnKind::kString || type.kind == ColumnKind::kBool) {
    map.fault("order_by", place + " must be a number or a time, not the " +
                              to_string(type) + " column '" + name + "'");
    return;
  }
  key.order_by = name;
}

}  // namespace

KeyModel read_key(ConfigMap& map, const Schema& schema) {
  KeyModel key;
  for (const ConfigText& c : map.texts("key")) {
    if (check_column(c.text, schema, "'key' of " + map.place(), c.line,
                     map.faults())) {
      key.columns.push_back(c.text);
    }
  }
  std::string policy =
      map.choice("on_duplicate", "ignore", {"ignore", "replace"});
  key.replace = policy == "replace";
  read_order(map, schema, key);
  key.memory_bytes = static_cast<uint64_t>(
      map.integer("key_memory", static_cast<int64_t>(key.memory_bytes),
                  kMegabyte, int64_t{1} << 40));
  for (const char* name : {"on_duplicate", "order_by", "key_memory"}) {
    if (map.has(name) && !map.has("key")) {
      map.fault(name, std::string("'") + name + "' of " + map.place() +
                          " needs a 'key'");
    }
  }
  if (map.has("key") && !key.order_by.empty() && !key.replace) {
    map.fault("order_by", "'order_by' of " + map.place() +
                              " has a meaning with on_duplicate: replace only");
  }
  return key;
}

}  // namespace freshet
