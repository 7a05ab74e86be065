// Runs tests/queries/*.test: data, SQL and the expected answer, over a live
// segment, a sealed one, and both mixed.
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
// Values are written as in CSV of Druid's API: ISO times, exact decimals,
// doubles with at least one decimal.
#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "query_data.h"
#include "server/druid/druid_result.h"
#include "server/sql/sql.h"

namespace freshet::test {
namespace {

using Lines = std::vector<std::string>;

struct Table {
  std::shared_ptr<const Schema> schema;
  std::vector<Row> rows;
};

class TableCatalog final : public DatasetCatalog {
 public:
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
  // The first `sealed` rows in a file, the rest live.
  void put(const std::string& name, const Table& table, size_t sealed) {
    auto timeline = std::make_shared<Timeline>();
    std::vector<Row> old(table.rows.begin(), table.rows.begin() + sealed);
    std::vector<Row> fresh(table.rows.begin() + sealed, table.rows.end());
    if (!old.empty()) {
      timeline->sealed.push_back(sealed_segment(table.schema, old));
    }
    if (!fresh.empty()) {
      timeline->live.push_back(live_segment(table.schema, fresh));
    }
    DatasetSnapshot data;
    data.schema = table.schema;
    data.timeline = timeline;
    data_[name] = data;
  }

 private:
  std::map<std::string, DatasetSnapshot> data_;
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
      return Value(std::stod(plain));
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
    if (row[c].is_null()) {
      out += "NULL";
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
    REQUIRE_FALSE(result.has_value());
    std::string wanted = block[0].substr(std::min<size_t>(6, block[0].size()));
    INFO(result.error().message);
    CHECK(result.error().message.find(wanted) != std::string::npos);
    return;
  }
  std::string message = result ? "" : result.error().message;
  REQUIRE_MESSAGE(result.has_value(), message);
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

// How many of the rows are sealed.
using Split = size_t (*)(size_t rows);

int run_file(const std::filesystem::path& path, Split split) {
  TableCatalog catalog;
  auto runner = Runner::create(catalog, 2);
  auto sql = Sql::create(*runner);
  int cases = 0;
  for (const Lines& block : blocks_of(path)) {
    if (block[0].starts_with("data ")) {
      Table table = read_table(block);
      catalog.put(block[0].substr(5), table, split(table.rows.size()));
    } else {
      run_case(*sql, block);
      ++cases;
    }
  }
  return cases;
}

void run_all(Split split) {
  int cases = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(FRESHET_QUERY_CASES)) {
    if (entry.path().extension() != ".test") continue;
    CAPTURE(entry.path().string());
    cases += run_file(entry.path(), split);
  }
  CHECK(cases >= 60);
}

TEST_CASE("query files over live data") {
  run_all([](size_t) { return size_t{0}; });
}
TEST_CASE("query files over sealed data") {
  run_all([](size_t rows) { return rows; });
}
TEST_CASE("query files over sealed and live data") {
  run_all([](size_t rows) { return rows / 2; });
}

}  // namespace
}  // namespace freshet::test
