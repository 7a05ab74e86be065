// Lookups as queries see them: tables of reference data (products, stores) by
// one key, each as it was at one moment.
//
// Whoever keeps lookups implements LookupSource and hands it out through
// DatasetCatalog::lookups(). Queries take one snapshot per statement.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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

  // Without rows: what a lookup will be like, to check expressions against and
  // to bind them later (bind_lookups).
  static std::shared_ptr<const LookupTable> shape(
      std::string name, ResultColumn key, std::vector<ResultColumn> columns);

  // This one with `edits` made, of one key the last; its maps have `version`
  // in their identity. REQUIRES: keys and values are null or of their types,
  // there is a value for each column; an edit of a null key does nothing.
  struct Edit {
    Value key;
    std::optional<std::vector<Value>> values;  // nothing: the key goes
  };
  std::shared_ptr<const LookupTable> edited(const std::string& version,
                                            std::vector<Edit> edits) const;

  const std::string& name() const { return name_; }
  const ResultColumn& key() const { return key_; }
  const std::vector<ResultColumn>& columns() const { return columns_; }
  size_t num_rows() const { return keys_->keys().size(); }
  const KeyIndex& keys() const { return *keys_; }
  // The values of columns()[i] by key.
  const std::shared_ptr<const ValueMap>& map(size_t i) const {
    return maps_[i];
  }
  // As a result of the key and each value by its own name, and behind these k
  // and v, the key and the first value by the names that Druid gives them,
  // unless a column has that name. This is `lookup.NAME` in SQL.
  QueryResult rows() const;
  // How many columns of rows() have their own names.
  size_t num_named() const { return 1 + columns_.size(); }
  // Of a column of rows(): which of columns() it is; nothing for the key.
  std::optional<size_t> value_of(size_t column) const;
  uint64_t memory_bytes() const;

 private:
  LookupTable() = default;
  // From keys, each once, and by column the values of these.
  static std::shared_ptr<const LookupTable> made(
      std::string name, const std::string& version, ResultColumn key,
      std::vector<ResultColumn> columns, std::vector<Value> keys,
      std::vector<std::vector<Value>> values, bool shape = false);
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
  // Whether it holds what its source has; kUnavailable with the reason.
  virtual Status ready(std::string_view) const { return {}; }
};

// A statement's view of a source: each lookup stays as it first was. Used by
// one thread; `source` may be null and must outlive it.
class LookupSnapshots final : public LookupSource {
 public:
  explicit LookupSnapshots(const LookupSource* source) : source_(source) {}
  std::vector<std::string> names() const override;
  std::shared_ptr<const LookupTable> snapshot(
      std::string_view name) const override;
  // Tells an answer made of them: it is not complete if a lookup that was
  // asked for was never read, and served_by says which and why.
  void tell(Provenance& answer) const;

 private:
  const LookupSource* const source_;
  mutable std::vector<std::string> missing_;  // why, of each not ready
  mutable std::map<std::string, std::shared_ptr<const LookupTable>, std::less<>>
      seen_;
};

// The map that 'products' (its first value) or 'products.category' means.
// kInvalid with the nearest name. `source` may be null: there are no lookups.
Result<std::shared_ptr<const ValueMap>> find_lookup(const LookupSource* source,
                                                    std::string_view name);

// Whether `expression`, which may be null, reads the shape of a lookup.
bool uses_lookups(const ExpressionPtr& expression);
// Adds the names of the lookups whose shapes it reads.
void collect_lookups(const ExpressionPtr& expression,
                     std::set<std::string>& names);
// `expression` with the shapes of lookups that it was resolved with replaced by
// what `source` holds now; itself if it has none. kUnavailable if a lookup or
// its column is not there, or is of another type than its shape.
Result<ExpressionPtr> bind_lookups(const ExpressionPtr& expression,
                                   const LookupSource* source);
// The same for all expressions of a query.
struct Query;
Status bind_lookups(Query& query, const LookupSource* source);
bool uses_lookups(const Query& query);

}  // namespace freshet
