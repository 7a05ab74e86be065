#include "tests/segments/naive_cube.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "segments/hll_sketch.h"
#include "segments/id_list.h"
#include "segments/quantile_sketch.h"
#include "segments/rollup.h"

namespace freshet {
namespace {

using Random = std::mt19937_64;

constexpr int64_t kSpan = 3'600'000;  // of the rows to be rolled up

Cell or_null(Random& random, Cell cell) {
  return random() % 6 == 0 ? Cell() : cell;
}

Cell extreme_long(Random& random) {
  switch (random() % 4) {
    case 0:
      return std::numeric_limits<int64_t>::max() -
             static_cast<int64_t>(random() % 3);
    case 1:
      return std::numeric_limits<int64_t>::min() +
             static_cast<int64_t>(random() % 3);
    default:
      return static_cast<int64_t>(random() % 100) - 50;
  }
}

bool cell_less(const Cell& a, const Cell& b) {
  if (auto* x = std::get_if<double>(&a)) {
    double y = std::get<double>(b);
    return std::isnan(y) ? !std::isnan(*x) : *x < y;
  }
  return a < b;
}

uint64_t cell_hash(const Cell& cell) {
  if (auto* n = std::get_if<int64_t>(&cell)) return sketch_hash(__int128{*n});
  if (auto* d = std::get_if<double>(&cell)) return sketch_hash(*d);
  return sketch_hash(std::string_view(std::get<std::string>(cell)));
}

void check_newest(const TableRow& row, const std::string& x, bool last,
                  const std::vector<std::pair<int64_t, Cell>>& values) {
  std::string name = x + (last ? "#last" : "#first");
  if (values.empty()) {
    CHECK(row(name).index() == 0);
    return;
  }
  int64_t best = values[0].first;
  for (const auto& v : values) {
    best = last ? std::max(best, v.first) : std::min(best, v.first);
  }
  CHECK(row(name + "_time") == Cell(best));
  CHECK(std::any_of(values.begin(), values.end(), [&](const auto& v) {
    return v.first == best && same_cell(v.second, row(name));
  }));
}

void check_sketches(const TableRow& row, const CubeMeasure& measure,
                    ColumnType type,
                    const std::vector<std::pair<int64_t, Cell>>& values) {
  HllSketch distinct;
  QuantileSketch quantiles;
  double scale = std::pow(10.0, type.scale);
  for (const auto& [time, cell] : values) {
    distinct.add(cell_hash(cell));
    if (auto* n = std::get_if<int64_t>(&cell)) {
      quantiles.add(static_cast<double>(*n) / scale);
    }
    if (auto* d = std::get_if<double>(&cell)) quantiles.add(*d);
  }
  if (measure.states & kCubeApproxDistinct) {
    CHECK(row(measure.column + "#hll") == Cell(distinct.to_bytes()));
  }
  if (measure.states & kCubeQuantiles) {
    CHECK(row(measure.column + "#quantiles") == Cell(quantiles.to_bytes()));
  }
}

void check_distinct(const TableRow& row, const std::string& x,
                    const Segment& segment,
                    const std::vector<std::pair<int64_t, Cell>>& values) {
  std::set<std::string> expected, found;
  for (const auto& v : values) expected.insert(std::get<std::string>(v.second));
  const Dictionary& dictionary = *(*segment.column(x))->dictionary();
  std::vector<uint32_t> ids;
  auto bytes = std::get<std::string>(row(x + "#distinct"));
  REQUIRE(decode_ids(bytes, dictionary.size(), ids).has_value());
  for (uint32_t id : ids) found.emplace(dictionary.value(id));
  CHECK(found == expected);
}

}  // namespace

bool same_cell(const Cell& a, const Cell& b) {
  auto *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  if (x && y && std::isnan(*x) && std::isnan(*y)) return true;
  return a == b;
}

std::shared_ptr<const Schema> cube_rows_schema() {
  auto schema = std::make_shared<Schema>();
  schema->columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                     {"store", {ColumnKind::kString, 0}, false},
                     {"channel", {ColumnKind::kString, 0}, false},
                     {"grade", {ColumnKind::kLong, 0}, false},
                     {"web", {ColumnKind::kBool, 0}, false},
                     {"net", {ColumnKind::kDecimal, 2}, false},
                     {"big", {ColumnKind::kLong, 0}, false},
                     {"real", {ColumnKind::kDouble, 0}, false},
                     {"member", {ColumnKind::kString, 0}, true},
                     {"none", {ColumnKind::kLong, 0}, false}};
  return schema;
}

Row cube_row(Random& random, int64_t start, int64_t span) {
  auto text = [&](const char* prefix, uint64_t n) {
    return Cell(prefix + std::to_string(random() % n));
  };
  Row row;
  row.push_back(start + static_cast<int64_t>(random() % span));
  row.push_back(or_null(random, text("S", 3)));
  row.push_back(text("", 2));
  row.push_back(or_null(random, static_cast<int64_t>(random() % 3) - 1));
  row.push_back(or_null(random, static_cast<int64_t>(random() % 2)));
  row.push_back(or_null(random, static_cast<int64_t>(random() % 100000) - 500));
  row.push_back(or_null(random, extreme_long(random)));
  row.push_back(or_null(random, random() % 20 == 0
                                    ? std::nan("")
                                    : static_cast<double>(random() % 100) / 4));
  row.push_back(or_null(random, text("m", 40)));
  row.emplace_back();
  return row;
}

std::string key_text(const Row& row) {
  std::string out;
  for (const Cell& cell : row) {
    out += std::to_string(cell.index()) + ":";
    if (auto* n = std::get_if<int64_t>(&cell)) out += std::to_string(*n);
    if (auto* t = std::get_if<std::string>(&cell)) out += *t;
    out += "|";
  }
  return out;
}

std::map<std::string, std::vector<Row>> naive_groups(
    const CubeSpec& spec, const std::vector<Row>& rows) {
  auto schema = cube_rows_schema();
  auto zone = *load_time_zone(spec.zone);
  std::map<std::string, std::vector<Row>> groups;
  for (const Row& row : rows) {
    Timestamp time{std::get<int64_t>(row[0])};
    Row key = {spec.granularity.floor(time, zone).ms};
    for (const std::string& name : spec.dimensions) {
      key.push_back(row[*schema->find(name)]);
    }
    groups[key_text(key)].push_back(row);
  }
  return groups;
}

const Cell& TableRow::operator()(const std::string& name) const {
  auto at = table_.schema().find(name);
  REQUIRE_MESSAGE(at.has_value(), name);
  return row_[*at];
}

void check_measure(const TableRow& row, const CubeMeasure& measure,
                   const Schema& source, const Segment* segment,
                   const std::vector<Row>& rows) {
  const std::string& x = measure.column;
  size_t c = *source.find(x);
  CAPTURE(x);
  std::vector<std::pair<int64_t, Cell>> values;  // with their times
  for (const Row& r : rows) {
    if (r[c].index() != 0) values.emplace_back(std::get<int64_t>(r[0]), r[c]);
  }
  CHECK(row(x + "#count") == Cell(static_cast<int64_t>(values.size())));
  if (measure.states & kCubeSum &&
      source.columns[c].type.kind == ColumnKind::kDouble) {
    double sum = 0;
    for (const auto& v : values) sum += std::get<double>(v.second);
    double kept = std::get<double>(row(x + "#sum"));
    CHECK((std::isnan(sum) ? std::isnan(kept) : kept == doctest::Approx(sum)));
  } else if (measure.states & kCubeSum) {
    __int128 sum = 0;
    for (const auto& v : values) sum += std::get<int64_t>(v.second);
    __int128 high = std::get<int64_t>(row(x + "#sum_high"));
    CHECK((high << 64) + std::get<int64_t>(row(x + "#sum")) == sum);
  }
  for (bool greatest : {false, true}) {
    if (!(measure.states & (greatest ? kCubeMax : kCubeMin))) continue;
    Cell best;
    for (const auto& v : values) {
      if (best.index() == 0 ||
          (greatest ? cell_less(best, v.second) : cell_less(v.second, best))) {
        best = v.second;
      }
    }
    CHECK(same_cell(row(x + (greatest ? "#max" : "#min")), best));
  }
  if (measure.states & kCubeFirst) check_newest(row, x, false, values);
  if (measure.states & kCubeLast) check_newest(row, x, true, values);
  if (measure.states & kCubeDistinct) check_distinct(row, x, *segment, values);
  check_sketches(row, measure, source.columns[c].type, values);
}

CubeSpec random_rollup(Random& random) {
  static const char* kGrains[] = {"PT1S", "minute", "hour", "day", "all"};
  CubeSpec spec;
  spec.name = kRollupName;
  spec.granularity = *Granularity::parse(kGrains[random() % 5]);
  spec.zone = random() % 2 ? "UTC" : "Europe/Madrid";
  auto schema = cube_rows_schema();
  for (size_t c = 1; c < schema->columns.size(); ++c) {
    const ColumnSpec& column = schema->columns[c];
    bool must = column.type.kind == ColumnKind::kDouble ||
                column.name == "member" || column.name == "big";
    if (!must && random() % 2) {
      spec.dimensions.push_back(column.name);
      continue;
    }
    uint32_t states = possible_rollup_states(column.type);
    if (random() % 3 == 0) states &= static_cast<uint32_t>(random());
    spec.measures.push_back({column.name, states});
  }
  return spec;
}

std::vector<Row> rollup_rows(Random& random, const CubeSpec& spec,
                             uint64_t count, int64_t start) {
  auto zone = *load_time_zone(spec.zone);
  std::vector<Row> rows;
  for (; count > 0; --count) {
    rows.push_back(cube_row(random, start, kSpan));
    Timestamp time{std::get<int64_t>(rows.back()[0])};
    rows.back()[0] = spec.granularity.floor(time, zone).ms;
  }
  return rows;
}

}  // namespace freshet
