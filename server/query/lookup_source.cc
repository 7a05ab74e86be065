#include "server/query/lookup_source.h"

#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash.h>
#include <fmt/format.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/query/expression_type.h"
#include "server/query/key_table.h"

namespace freshet {
namespace {

bool fits(const Value& value, ExpressionType type) {
  if (value.is_null()) return true;
  const Decimal* decimal = value.as_decimal();
  return value.type() == type.type &&
         (decimal == nullptr || decimal->scale == type.scale);
}

Status check_row(const std::string& name, const ResultColumn& key,
                 const std::vector<ResultColumn>& columns,
                 const std::vector<Value>& row) {
  if (row.size() != columns.size() + 1) {
    return invalid(fmt::format("lookup {}: a row of {} values, not {}", name,
                               row.size(), columns.size() + 1));
  }
  for (size_t i = 0; i < row.size(); ++i) {
    const ResultColumn& column = i == 0 ? key : columns[i - 1];
    if (fits(row[i], column.type)) continue;
    return invalid(fmt::format("lookup {}: {} is no {}: {}", name, column.name,
                               type_name(column.type), row[i].to_text()));
  }
  return {};
}

// Which rows stay: of each key the last.
std::vector<size_t> last_of_each_key(
    const std::vector<std::vector<Value>>& rows) {
  absl::flat_hash_map<std::string, size_t> place;
  std::vector<size_t> kept;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (rows[r][0].is_null()) continue;
    auto [at, added] = place.emplace(rows[r][0].to_text(), kept.size());
    if (added) {
      kept.push_back(r);
    } else {
      kept[at->second] = r;
    }
  }
  return kept;
}

// Keys are texts or longs.
struct KeyHash {
  size_t operator()(const Value& key) const {
    if (const std::string* text = key.as_string()) {
      return hash_text(*text);
    }
    const int64_t* number = key.as_long();
    return absl::Hash<int64_t>()(number ? *number : 0);
  }
};

}  // namespace

Result<std::shared_ptr<const LookupTable>> LookupTable::create(
    std::string name, std::string version, ResultColumn key,
    std::vector<ResultColumn> columns, std::vector<std::vector<Value>> rows) {
  for (const auto& row : rows) TRY(check_row(name, key, columns, row));
  std::vector<size_t> kept = last_of_each_key(rows);
  std::vector<Value> keys;
  for (size_t r : kept) keys.push_back(std::move(rows[r][0]));
  std::vector<std::vector<Value>> values(columns.size());
  for (size_t c = 0; c < columns.size(); ++c) {
    for (size_t r : kept) values[c].push_back(std::move(rows[r][c + 1]));
  }
  return made(std::move(name), version, std::move(key), std::move(columns),
              std::move(keys), std::move(values));
}

std::shared_ptr<const LookupTable> LookupTable::made(
    std::string name, const std::string& version, ResultColumn key,
    std::vector<ResultColumn> columns, std::vector<Value> keys,
    std::vector<std::vector<Value>> values, bool shape) {
  std::shared_ptr<LookupTable> out(new LookupTable());
  out->keys_ = *KeyIndex::create(key.type, std::move(keys));
  for (size_t c = 0; c < columns.size(); ++c) {
    auto map = std::make_shared<ValueMap>();
    std::string column = name + "." + columns[c].name;
    map->identity =
        fmt::format("{}:{}@{}", column, type_name(columns[c].type), version);
    if (shape) map->shape_of = std::move(column);
    map->keys = out->keys_;
    map->type = columns[c].type;
    map->values = std::make_shared<const ValueList>(std::move(values[c]));
    out->maps_.push_back(std::move(map));
  }
  out->name_ = std::move(name);
  out->key_ = std::move(key);
  out->columns_ = std::move(columns);
  return out;
}

std::shared_ptr<const LookupTable> LookupTable::shape(
    std::string name, ResultColumn key, std::vector<ResultColumn> columns) {
  std::vector<std::vector<Value>> none(columns.size());
  return made(std::move(name), "shape", std::move(key), std::move(columns), {},
              std::move(none), true);
}

std::shared_ptr<const LookupTable> LookupTable::edited(
    const std::string& version, std::vector<Edit> edits) const {
  absl::flat_hash_map<Value, size_t, KeyHash> last;  // edit by key
  for (size_t i = 0; i < edits.size(); ++i) last[edits[i].key] = i;
  std::vector<Value> keys;
  std::vector<std::vector<Value>> values(columns_.size());
  auto add = [&](const Value& key, Edit& edit) {
    keys.push_back(key);
    for (size_t c = 0; c < values.size(); ++c) {
      values[c].push_back(std::move((*edit.values)[c]));
    }
    edit.values.reset();
  };
  keys.reserve(num_rows() + last.size());
  for (auto& column : values) column.reserve(num_rows() + last.size());
  for (size_t r = 0; r < num_rows(); ++r) {
    const Value& key = keys_->keys()[r];
    auto at = last.find(key);
    if (at == last.end()) {
      keys.push_back(key);
      for (size_t c = 0; c < values.size(); ++c) {
        values[c].push_back((*maps_[c]->values)[r]);
      }
    } else if (edits[at->second].values) {
      add(key, edits[at->second]);
    }
  }
  for (size_t i = 0; i < edits.size(); ++i) {
    bool counts = edits[i].values && !edits[i].key.is_null() &&
                  last.at(edits[i].key) == i;
    if (counts) add(edits[i].key, edits[i]);
  }
  return made(name_, version, key_, columns_, std::move(keys),
              std::move(values));
}

QueryResult LookupTable::rows() const {
  QueryResult out;
  out.columns.push_back(key_);
  out.columns.insert(out.columns.end(), columns_.begin(), columns_.end());
  auto add = [&](const char* name, ExpressionType type) {
    bool taken = std::ranges::any_of(
        out.columns, [&](const ResultColumn& c) { return c.name == name; });
    if (!taken) out.columns.push_back({name, type});
  };
  add("k", key_.type);
  if (!columns_.empty()) add("v", columns_[0].type);
  for (size_t r = 0; r < num_rows(); ++r) {
    std::vector<Value> row;
    for (size_t c = 0; c < out.columns.size(); ++c) {
      auto value = value_of(c);
      row.push_back(value ? (*maps_[*value]->values)[r] : keys_->keys()[r]);
    }
    out.rows.push_back(std::move(row));
  }
  return out;
}

std::optional<size_t> LookupTable::value_of(size_t column) const {
  if (column == 0) return std::nullopt;
  if (column < num_named()) return column - 1;
  // k and v, or the one of them that is no column's own name.
  bool taken = key_.name == "k" ||
               std::ranges::any_of(columns_, [](const ResultColumn& c) {
                 return c.name == "k";
               });
  bool is_key = column == num_named() && !taken;
  return is_key ? std::nullopt : std::optional<size_t>(0);
}

uint64_t LookupTable::memory_bytes() const {
  uint64_t bytes = keys_->memory_bytes();
  for (const auto& map : maps_) {
    bytes += map->values->size() * sizeof(Value);
    for (const Value& value : *map->values) {
      if (const std::string* text = value.as_string()) bytes += text->size();
    }
  }
  return bytes;
}

Result<std::shared_ptr<const ValueMap>> find_lookup(const LookupSource* source,
                                                    std::string_view name) {
  std::vector<std::string> known;
  if (source) known = source->names();
  std::shared_ptr<const LookupTable> table;
  std::string_view column;
  if (source) table = source->snapshot(name);
  size_t dot = name.rfind('.');
  if (source && !table && dot != std::string_view::npos) {
    table = source->snapshot(name.substr(0, dot));
    column = name.substr(dot + 1);
  }
  if (!table) {
    // Of "product.category" the lookup is misspelled, most likely.
    std::string near = nearest_name(name.substr(0, dot), known);
    return invalid(fmt::format(
        "unknown lookup{}: {}",
        near.empty() ? "" : fmt::format(" (did you mean {}?)", near), name));
  }
  known.clear();
  for (size_t i = 0; i < table->columns().size(); ++i) {
    if (column.empty() || table->columns()[i].name == column) {
      return table->map(i);
    }
    known.push_back(table->columns()[i].name);
  }
  std::string near = nearest_name(column, known);
  return invalid(fmt::format(
      "lookup {} has no such column{}: {}", table->name(),
      near.empty() ? "" : fmt::format(" (did you mean {}?)", near), column));
}

}  // namespace freshet
