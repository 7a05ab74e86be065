// Hostile SQL, formulas and expressions over a small dataset: rows or an error
// before the deadline.
#include <cstdlib>

#include "segments/live_segment.h"
#include "server/query/lookup_source.h"
#include "server/sql/sql.h"

namespace {

using namespace freshet;  // NOLINT: a test program

std::shared_ptr<const Schema> sales_schema() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {
      {"__time", {ColumnKind::kTimestamp}}, {"s", {ColumnKind::kString}},
      {"n", {ColumnKind::kLong}},           {"d", {ColumnKind::kDouble}},
      {"m", {ColumnKind::kDecimal, 2}},     {"b", {ColumnKind::kBool}}};
  return schema;
}

DatasetSnapshot sales() {
  auto schema = sales_schema();
  auto live = LiveSegment::create("sales_live_1", schema, Interval{});
  ColumnBatch batch(schema);
  constexpr int64_t kStart = 1'795'000'000'000;
  for (int i = 0; i < 50; ++i) {
    batch.set_long(0, kStart + i * 977'003);
    if (i % 7) batch.set_string(1, batch.keep("S" + std::to_string(i % 5)));
    if (i % 6) batch.set_long(2, i * 1'000'000'007ll);
    if (i % 5) batch.set_double(3, i / 3.0);
    if (i % 4) batch.set_long(4, i * 101);
    if (i % 3) batch.set_long(5, i % 2);
    batch.commit_row();
  }
  live->append(batch);
  auto timeline = std::make_shared<Timeline>();
  timeline->live = {live};
  DatasetSnapshot data;
  data.schema = schema;
  data.timeline = timeline;
  return data;
}

// k, v, place: of "S0" to "S4".
class OneLookup final : public LookupSource {
 public:
  OneLookup() {
    std::vector<std::vector<Value>> rows;
    for (int64_t i = 0; i < 5; ++i) {
      rows.push_back({Value("S" + std::to_string(i)), Value(i),
                      i % 2 ? Value("north") : Value()});
    }
    constexpr ExpressionType kText{ValueType::kString};
    auto made = LookupTable::create(
        "products", "1", {"store", kText},
        {{"size", {ValueType::kLong}}, {"place", kText}}, std::move(rows));
    if (made) table_ = *made;
  }
  std::vector<std::string> names() const override { return {"products"}; }
  std::shared_ptr<const LookupTable> snapshot(
      std::string_view name) const override {
    return name == "products" ? table_ : nullptr;
  }

 private:
  std::shared_ptr<const LookupTable> table_;
};

class OneDataset final : public DatasetCatalog {
 public:
  std::optional<DatasetSnapshot> snapshot(
      std::string_view name) const override {
    if (name != "sales") return std::nullopt;
    return data_;
  }
  std::vector<std::string> names() const override { return {"sales"}; }
  const LookupSource* lookups() const override { return &lookups_; }

 private:
  DatasetSnapshot data_ = sales();
  const OneLookup lookups_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static OneDataset catalog;
  static const auto runner = Runner::create(catalog, 1);
  static const auto sql = Sql::create(*runner);
  std::string text(reinterpret_cast<const char*>(data), size);
  SqlRequest request;
  request.text = text;
  request.parameters = {Value(int64_t{1}), Value(std::string("S1"))};
  request.limits.timeout_ms = 1000;
  request.limits.max_memory_bytes = uint64_t{64} << 20;
  (void)sql->run(request);
  (void)parse_expression(text);
  (void)parse_formula(text);
  return 0;
}
