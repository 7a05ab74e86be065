#include "query_data.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "segments/sealed_segment.h"
#include "segments/segment_writer.h"

namespace freshet::test {

std::shared_ptr<const Schema> sales_schema() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp}},
                     {"s", {ColumnKind::kString}},
                     {"t", {ColumnKind::kString}, true},
                     {"n", {ColumnKind::kLong}},
                     {"d", {ColumnKind::kDouble}},
                     {"m", {ColumnKind::kDecimal, 2}},
                     {"b", {ColumnKind::kBool}}};
  return schema;
}

Aggregate aggregate(Aggregate::Function function, ExpressionPtr argument,
                    std::string name) {
  Aggregate out;
  out.function = function;
  out.argument = std::move(argument);
  out.name = std::move(name);
  return out;
}

std::shared_ptr<LiveSegment> live_segment(
    const std::shared_ptr<const Schema>& schema, const std::vector<Row>& rows) {
  static std::atomic<int> next{0};
  auto live = LiveSegment::create("test_live_" + std::to_string(next++), schema,
                                  Interval{});
  ColumnBatch batch(schema);
  for (const Row& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      const Value& v = row[c];
      if (auto x = v.as_bool()) batch.set_long(c, *x);
      if (auto x = v.as_long()) batch.set_long(c, *x);
      if (auto x = v.as_timestamp()) batch.set_long(c, x->ms);
      if (auto x = v.as_decimal()) {
        batch.set_long(c, static_cast<int64_t>(x->units));
      }
      if (auto x = v.as_double()) batch.set_double(c, *x);
      if (auto x = v.as_string()) batch.set_string(c, batch.keep(*x));
    }
    batch.commit_row();
  }
  live->append(batch);
  return live;
}

std::shared_ptr<const Segment> sealed_segment(
    const std::shared_ptr<const Schema>& schema, const std::vector<Row>& rows,
    const SealOptions& options) {
  auto live = live_segment(schema, rows);
  live->freeze();
  return sealed_copy(*live->snapshot(), options);
}

std::shared_ptr<const Segment> sealed_copy(const Segment& live,
                                           const SealOptions& options) {
  static std::atomic<int> next{0};
  std::string id =
      "test_" + std::to_string(getpid()) + "_" + std::to_string(next++);
  std::string path =
      (std::filesystem::temp_directory_path() / (id + ".seg")).string();
  auto written = write_segment(real_file_system(), live, id, path, options);
  REQUIRE_MESSAGE(written.has_value(), written.error().message);
  auto opened = open_segment(path);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  std::filesystem::remove(path);
  return *opened;
}

}  // namespace freshet::test
