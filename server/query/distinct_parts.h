// DistinctParts: the distinct values of a text column that a query has seen, as
// ids of each of its segments: a bit a value, where the values themselves are
// fifty bytes and have to be put together each time. What more than one segment
// has is found at the end (SharedValues). One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/query/value_sources.h"

namespace freshet {

class DistinctParts {
 public:
  // Beyond so many groups the bits of most are few.
  static constexpr size_t kMostGroups = 1024;

  explicit DistinctParts(std::string column) : column_(std::move(column)) {}

  bool empty() const { return parts_.empty(); }
  // Ids of the segment of that key, ascending; some may be there already.
  void add(const std::string& key, uint32_t group,
           std::span<const uint32_t> ids);
  // Group g of `other` is to[g].
  void add(const DistinctParts& other, const std::vector<uint32_t>& to);

  // Adds to counts[group] its distinct values. False, and nothing is added:
  // it is not known which of them several segments have.
  Result<bool> count(ValueSources& sources, std::vector<int64_t>& counts) const;
  // use(dictionary, group, ids) for all that was added. Fails as it does.
  using Use = std::function<Status(const Dictionary&, uint32_t group,
                                   std::span<const uint32_t> ids)>;
  Status each(ValueSources& sources, const Use& use) const;
  uint64_t memory_bytes() const { return bytes_; }

 private:
  using Ids = std::shared_ptr<const Bitmap>;
  using Part = std::vector<Ids>;  // by group; null: none
  Part& part_of(const std::string& key, size_t groups);
  void add(Ids& to, Ids more);
  Result<std::vector<SegmentTexts>> all_texts(ValueSources& sources) const;

  std::string column_;
  std::map<std::string, Part> parts_;  // by the key of the segment
  uint64_t bytes_ = 0;
};

}  // namespace freshet
