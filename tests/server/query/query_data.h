// Rows for query tests, and the segments made of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "segments/segment_writer.h"
#include "server/query/runner.h"

namespace freshet::test {

using Row = std::vector<Value>;  // by column of the schema

// __time, s, t (strings), n (long), d (double), m (decimal(2)), b (bool).
std::shared_ptr<const Schema> sales_schema();

std::shared_ptr<LiveSegment> live_segment(
    const std::shared_ptr<const Schema>& schema, const std::vector<Row>& rows);
// Written to a fresh file and opened; the file is removed at once.
std::shared_ptr<const Segment> sealed_segment(
    const std::shared_ptr<const Schema>& schema, const std::vector<Row>& rows,
    const SealOptions& options = {});
// Of a frozen live one.
std::shared_ptr<const Segment> sealed_copy(const Segment& live,
                                           const SealOptions& options = {});

Aggregate aggregate(Aggregate::Function function, ExpressionPtr argument,
                    std::string name);

class OneDataset final : public DatasetCatalog {
 public:
  OneDataset(std::string name, DatasetSnapshot data)
      : name_(std::move(name)), data_(std::move(data)) {}
  std::optional<DatasetSnapshot> snapshot(
      std::string_view name) const override {
    if (name != name_) return std::nullopt;
    return data_;
  }
  std::vector<std::string> names() const override { return {name_}; }

 private:
  std::string name_;
  DatasetSnapshot data_;
};

}  // namespace freshet::test
