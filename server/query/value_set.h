// ValueSet: the constants of an IN, hashed once per query. Immutable, shared.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/numeric/int128.h>

#include <memory>
#include <string_view>
#include <vector>

#include "server/query/vector.h"

namespace freshet {

class ValueSet {
 public:
  // REQUIRES: each value is of `type` or null.
  ValueSet(ExpressionType type, std::vector<Value> values);
  ValueSet(const ValueSet&) = delete;
  ValueSet& operator=(const ValueSet&) = delete;

  ExpressionType type() const { return type_; }
  bool has_null() const { return has_null_; }
  // Ascending, each once, without null.
  const std::vector<Value>& values() const { return values_; }
  // REQUIRES: v.type is type(), the lane is a value.
  bool contains(const Vector& v, size_t lane) const;
  bool contains_text(std::string_view text) const {
    return texts_.contains(text);
  }

 private:
  const ExpressionType type_;
  bool has_null_ = false;
  std::vector<Value> values_;
  // One of them is in use: by the type.
  absl::flat_hash_set<int64_t> longs_;  // and the bits of doubles
  absl::flat_hash_set<absl::int128> decimals_;
  absl::flat_hash_set<std::string_view> texts_;  // views into values_
};

}  // namespace freshet
