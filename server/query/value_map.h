// ValueMap: keys, each once, and a value for each: what LOOKUP and a join on a
// unique key are evaluated with. Immutable, shared.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/key_table.h"
#include "server/query/value_rows.h"
#include "server/query/vector.h"

namespace freshet {

// Numbers the keys of one type from 0.
class KeyIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // REQUIRES: each key is of `type` or null; null is no key. Fails as
  // `control`, if given, does.
  static Result<std::shared_ptr<const KeyIndex>> create(
      ExpressionType type, std::vector<Value> keys,
      const QueryControl* control = nullptr);
  KeyIndex(const KeyIndex&) = delete;
  KeyIndex& operator=(const KeyIndex&) = delete;

  ExpressionType type() const { return type_; }
  const std::vector<Value>& keys() const { return keys_; }
  // Whether each key is there once.
  bool unique() const { return unique_; }
  // Position of the first such key, or kNone. REQUIRES: v.type is type(), the
  // lane is a value.
  uint32_t find(const Vector& v, size_t lane) const;
  // Of each of the first `size` lanes; kNone where the lane is not a value.
  std::vector<uint32_t> find_all(const Vector& v, size_t size) const;
  // The same for a key of type() or null.
  uint32_t find(const Value& key) const;
  uint64_t memory_bytes() const;

 private:
  KeyIndex(ExpressionType type, std::vector<Value> keys)
      : type_(type), keys_(std::move(keys)) {}
  uint32_t find(const ContentHash& key) const;

  const ExpressionType type_;
  ValueList keys_;
  bool unique_ = true;
  KeyTable table_;
  std::vector<uint32_t> positions_;  // by id in table_; empty: each is its id
};

struct ValueMap {
  // Equal texts mean equal contents: part of an expression's text.
  std::string identity;
  // Not empty: this is but the shape of a lookup's column, by this name
  // ("products.category"), whose content bind_lookups puts in its place.
  std::string shape_of;
  std::shared_ptr<const KeyIndex> keys;
  ExpressionType type;  // of the values
  // By position of the key: of `type` or null.
  std::shared_ptr<const std::vector<Value>> values;
};

}  // namespace freshet
