// Runs tests/queries/*.test: data, SQL and the expected answer, over live rows,
// a sealed segment, both mixed, a sealed segment with cubes, segments of a
// store that was opened again, and merged ones.
// tests/queries/duckdb_check.py compares the same files with DuckDB; a comment
// "# duckdb differs: why" before a query leaves that one out there.
//
//   # a comment
//   data sales                       a dataset from here on
//   __time:timestamp store:string net:decimal(2)
//   2026-01-01T00:00:00Z | S1 | 1.50
//   2026-01-02 | NULL | -2.00        NULL is null; "" is the empty text
//                                    (an empty line ends each block)
//   query                            rows in any order
//   SELECT store, SUM(net) FROM sales
//   GROUP BY store
//   ----
//   S1 | 1.50
//   NULL | -2.00
//
//   query ordered                    rows in this order
//   error unknown column             the message contains this
//   SELECT nix FROM sales
//
//   lookup products                  k and values, for LOOKUP and lookup.NAME
//   sku:string category:string price:decimal(2)
//   apple | fruit | 1.20
//
// Values are written as in CSV of Druid's API: ISO times, exact decimals,
// doubles with at least one decimal.
#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "query_data.h"
#include "segments/segment_store.h"
#include "server/druid/druid_result.h"
#include "server/query/expression_type.h"
#include "server/query/lookup_source.h"
#include "server/sql/sql.h"

namespace freshet::test {
namespace {

using Lines = std::vector<std::string>;

struct Table {
  std::shared_ptr<const Schema> schema;
  std::vector<Row> rows;
};

enum class Layout { kLive, kSealed, kMixed, kCubes, kRestarted, kMerged };

// Every text and small number is a dimension, every number a measure.
SealOptions with_cubes(const Schema& schema) {
  SealOptions options;
  CubeSpec cube;
  cube.name = "all";
  cube.granularity = *Granularity::parse("hour");
  for (const ColumnSpec& spec : schema.columns) {
    if (spec.name == kTimeColumn) continue;
    bool text = spec.type.kind == ColumnKind::kString ||
                spec.type.kind == ColumnKind::kBool;
    if (text) cube.dimensions.push_back(spec.name);
    uint32_t states = possible_cube_states(spec.type);
    if (states) cube.measures.push_back({spec.name, states});
  }
  CubeSpec totals = cube;
  totals.name = "totals";
  totals.granularity = *Granularity::parse("day");
  totals.dimensions.clear();
  options.cubes = {cube, totals};
  return options;
}

class TableCatalog final : public DatasetCatalog {
 public:
  ~TableCatalog() override {
    for (const auto& folder : folders_) std::filesystem::remove_all(folder);
  }
  void put(const std::string& name, const Table& table, Layout layout) {
    size_t half = table.rows.size() / 2;
    auto part = [&](size_t from, size_t to) {
      return std::vector<Row>(table.rows.begin() + from,
                              table.rows.begin() + to);
    };
    auto timeline = std::make_shared<Timeline>();
    size_t sealed = layout == Layout::kLive    ? 0
                    : layout == Layout::kMixed ? half
                                               : table.rows.size();
    bool stored = layout == Layout::kRestarted || layout == Layout::kMerged;
    if (stored) {
      timeline = std::make_shared<Timeline>(*store(
          name, table.schema, {part(0, half), part(half, table.rows.size())},
          layout == Layout::kMerged));
      sealed = table.rows.size();
    } else if (sealed > 0) {
      SealOptions options;
      if (layout == Layout::kCubes) options = with_cubes(*table.schema);
      timeline->sealed.push_back(
          sealed_segment(table.schema, part(0, sealed), options));
    }
    if (sealed < table.rows.size()) {
      timeline->live.push_back(
          live_segment(table.schema, part(sealed, table.rows.size())));
    }
    DatasetSnapshot data;
    data.schema = table.schema;
    data.timeline = timeline;
    data_[name] = data;
  }
  void put_lookup(const std::string& name, const Table& table) {
    std::vector<ResultColumn> columns;
    for (const ColumnSpec& spec : table.schema->columns) {
      columns.push_back({spec.name, expression_type(spec.type)});
    }
    ResultColumn key = columns[0];
    columns.erase(columns.begin());
    auto made = LookupTable::create(name, "1", key, columns, table.rows);
    REQUIRE_MESSAGE(made.has_value(), made.error().message);
    lookups_[name] = *made;
  }

  std::optional<DatasetSnapshot> snapshot(
      std::string_view name) const override {
    auto at = data_.find(std::string(name));
    if (at == data_.end()) return std::nullopt;
    return at->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, data] : data_) out.push_back(name);
    return out;
  }
  const LookupSource* lookups() const override { return &source_; }

 private:
  class Lookups final : public LookupSource {
   public:
    explicit Lookups(const TableCatalog& catalog) : catalog_(catalog) {}
    std::vector<std::string> names() const override {
      std::vector<std::string> out;
      for (const auto& [name, table] : catalog_.lookups_) out.push_back(name);
      return out;
    }
    std::shared_ptr<const LookupTable> snapshot(
        std::string_view name) const override {
      auto at = catalog_.lookups_.find(std::string(name));
      return at == catalog_.lookups_.end() ? nullptr : at->second;
    }

   private:
    const TableCatalog& catalog_;
  };

  // Seals the parts one by one, merges them if asked, and opens the folder
  // again.
  std::shared_ptr<const Timeline> store(
      const std::string& name, const std::shared_ptr<const Schema>& schema,
      const std::vector<std::vector<Row>>& parts, bool merged) {
    static int next = 0;
    std::string folder = (std::filesystem::temp_directory_path() /
                          ("query_cases_" + std::to_string(getpid()) + "_" +
                           std::to_string(next++)))
                             .string();
    folders_.push_back(folder);
    auto open = [&] {
      auto opened = SegmentStore::open(folder);
      REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
      return std::move(*opened);
    };
    {
      auto store = open();
      for (const auto& rows : parts) {
        if (rows.empty()) continue;
        auto live = live_segment(schema, rows);
        store->add_live(name, live);
        live->freeze();
        Seal seal;
        seal.dataset = name;
        seal.live = {live};
        auto sealed = store->seal(seal);
        REQUIRE_MESSAGE(sealed.has_value(), sealed.error().message);
      }
      Merge merge;
      merge.dataset = name;
      for (const auto now = store->timeline(name);
           const auto& s : now->sealed) {
        merge.segments.push_back(s->id());
      }
      if (merged && merge.segments.size() > 1) {
        auto done = store->merge(merge);
        REQUIRE_MESSAGE(done.has_value(), done.error().message);
      }
    }
    stores_.push_back(open());
    return stores_.back()->timeline(name);
  }

  std::map<std::string, DatasetSnapshot> data_;
  std::map<std::string, std::shared_ptr<const LookupTable>> lookups_;
  const Lookups source_{*this};
  std::vector<std::string> folders_;
  std::vector<std::unique_ptr<SegmentStore>> stores_;
};

Lines fields_of(const std::string& line) {
  Lines out = absl::StrSplit(line, '|');
  for (std::string& field : out) absl::StripAsciiWhitespace(&field);
  return out;
}

Value read_value(const std::string& text, ColumnType type) {
  if (text == "NULL") return Value();
  std::string plain = text == "\"\"" ? "" : text;
  switch (type.kind) {
    case ColumnKind::kString:
      return Value(plain);
    case ColumnKind::kLong:
      return Value(int64_t{std::stoll(plain)});
    case ColumnKind::kDouble:
      return Value(std::strtod(plain.c_str(), nullptr));
    case ColumnKind::kDecimal:
      return Value(Decimal{*parse_decimal(plain, type.scale), type.scale});
    case ColumnKind::kBool:
      return Value(plain == "true");
    case ColumnKind::kTimestamp:
      return Value(*parse_iso8601(plain));
  }
  return Value();
}

Table read_table(const Lines& block) {
  Table table;
  auto schema = std::make_shared<Schema>();
  Lines specs = absl::StrSplit(block[1], ' ', absl::SkipEmpty());
  for (const std::string& spec : specs) {
    size_t colon = spec.find(':');
    auto type = parse_column_type(std::string_view(spec).substr(colon + 1));
    REQUIRE_MESSAGE(type.has_value(), spec);
    schema->columns.push_back({spec.substr(0, colon), *type});
  }
  table.schema = schema;
  for (size_t i = 2; i < block.size(); ++i) {
    Lines fields = fields_of(block[i]);
    REQUIRE_MESSAGE(fields.size() == schema->columns.size(), block[i]);
    Row row;
    for (size_t c = 0; c < fields.size(); ++c) {
      row.push_back(read_value(fields[c], schema->columns[c].type));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// A row as the file writes it.
std::string row_text(const QueryResult& result, const std::vector<Value>& row) {
  std::string out;
  for (size_t c = 0; c < row.size(); ++c) {
    if (c > 0) out += " | ";
    QueryResult one;
    one.columns = {result.columns[c]};
    one.rows = {{row[c]}};
    const std::string* text = row[c].as_string();
    const double* real = row[c].as_double();
    if (row[c].is_null()) {
      out += "NULL";
    } else if (real && !std::isfinite(*real)) {
      out += std::isnan(*real) ? "NaN" : (*real > 0 ? "inf" : "-inf");
    } else if (text) {
      out += text->empty() ? "\"\"" : *text;
    } else {
      DruidResultShape shape;
      shape.format = DruidFormat::kCsv;
      std::string csv = *write_druid_result(one, shape, absl::UTCTimeZone(),
                                            QueryControl({}, nullptr));
      out += csv.substr(0, csv.find('\n'));
    }
  }
  return out;
}

void run_case(Sql& sql, const Lines& block) {
  std::string text;
  Lines expected, got;
  bool answer = false;
  for (size_t i = 1; i < block.size(); ++i) {
    if (block[i] == "----") {
      answer = true;
    } else if (answer) {
      Lines fields = fields_of(block[i]);
      std::string row;
      for (const std::string& f : fields) row += (row.empty() ? "" : " | ") + f;
      expected.push_back(row);
    } else {
      text += block[i] + "\n";
    }
  }
  CAPTURE(text);
  SqlRequest request;
  request.text = text;
  auto result = sql.run(request);
  if (block[0].starts_with("error")) {
    CHECK_FALSE(result.has_value());
    if (result) return;
    std::string wanted = block[0].substr(std::min<size_t>(6, block[0].size()));
    INFO(result.error().message);
    CHECK(result.error().message.find(wanted) != std::string::npos);
    return;
  }
  std::string message = result ? "" : result.error().message;
  CHECK_MESSAGE(result.has_value(), message);
  if (!result) return;
  for (const auto& row : result->rows) got.push_back(row_text(*result, row));
  if (block[0] != "query ordered") {
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
  }
  std::string got_text, expected_text;
  for (const auto& row : got) got_text += row + "\n";
  for (const auto& row : expected) expected_text += row + "\n";
  CHECK(got_text == expected_text);
}

std::vector<Lines> blocks_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Lines> blocks(1);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    if (line.empty()) {
      if (!blocks.back().empty()) blocks.emplace_back();
    } else {
      blocks.back().push_back(line);
    }
  }
  if (blocks.back().empty()) blocks.pop_back();
  return blocks;
}

int run_file(const std::filesystem::path& path, Layout layout) {
  TableCatalog catalog;
  auto runner = Runner::create(catalog, 2);
  auto sql = Sql::create(*runner);
  int cases = 0;
  for (const Lines& block : blocks_of(path)) {
    if (block[0].starts_with("data ")) {
      catalog.put(block[0].substr(5), read_table(block), layout);
    } else if (block[0].starts_with("lookup ")) {
      catalog.put_lookup(block[0].substr(7), read_table(block));
    } else {
      run_case(*sql, block);
      ++cases;
    }
  }
  return cases;
}

void run_all(Layout layout) {
  int cases = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(FRESHET_QUERY_CASES)) {
    if (entry.path().extension() != ".test") continue;
    CAPTURE(entry.path().string());
    cases += run_file(entry.path(), layout);
  }
  CHECK(cases >= 400);
}

TEST_CASE("query files over live data") { run_all(Layout::kLive); }
TEST_CASE("query files over sealed data") { run_all(Layout::kSealed); }
TEST_CASE("query files over sealed and live data") { run_all(Layout::kMixed); }
TEST_CASE("query files over sealed data with cubes") {
  run_all(Layout::kCubes);
}
TEST_CASE("query files over a store that was opened again") {
  run_all(Layout::kRestarted);
}
TEST_CASE("query files over merged segments") { run_all(Layout::kMerged); }

}  // namespace
}  // namespace freshet::test
