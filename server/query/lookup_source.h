// Lookups as queries see them: tables of reference data (products, stores) by
// one key, each as it was at one moment.
//
// Whoever keeps lookups implements LookupSource and hands it out through
// DatasetCatalog::lookups(). Queries take one snapshot per statement.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/runner.h"
#include "server/query/value_map.h"

namespace freshet {

// Immutable once built; shared by all queries of its time.
class LookupTable {
 public:
  // `rows` have the key first, then a value for each of `columns` (or null),
  // of its type. Keys of rows are texts or longs, all of `key`'s type; of rows
  // of one key the last stays; rows of a null key are left out. `version`
  // differs whenever the content does. kInvalid for rows of another length or
  // type.
  static Result<std::shared_ptr<const LookupTable>> create(
      std::string name, std::string version, ResultColumn key,
      std::vector<ResultColumn> columns, std::vector<std::vector<Value>> rows);

  const std::string& name() const { return name_; }
  const ResultColumn& key() const { return key_; }
  const std::vector<ResultColumn>& columns() const { return columns_; }
  size_t num_rows() const { return keys_->keys().size(); }
  const KeyIndex& keys() const { return *keys_; }
  // The values of columns()[i] by key.
  const std::shared_ptr<const ValueMap>& map(size_t i) const {
    return maps_[i];
  }
  // As a result of columns k, v and, if there are several values, each by its
  // own name; v is the first of them. This is `lookup.NAME` in SQL.
  QueryResult rows() const;
  uint64_t memory_bytes() const;

 private:
  LookupTable() = default;
  std::string name_;
  ResultColumn key_;
  std::vector<ResultColumn> columns_;
  std::shared_ptr<const KeyIndex> keys_;
  std::vector<std::shared_ptr<const ValueMap>> maps_;
};

// Thread-safe.
class LookupSource {
 public:
  virtual ~LookupSource() = default;
  virtual std::vector<std::string> names() const = 0;  // sorted
  // As it is now; null for an unknown name. Names are exact.
  virtual std::shared_ptr<const LookupTable> snapshot(
      std::string_view name) const = 0;
};

// The map that 'products' (its first value) or 'products.category' means.
// kInvalid with the nearest name. `source` may be null: there are no lookups.
Result<std::shared_ptr<const ValueMap>> find_lookup(const LookupSource* source,
                                                    std::string_view name);

}  // namespace freshet
