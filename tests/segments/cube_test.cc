// Cubes against a naive grouping of the same rows: random dimensions,
// granularities, zones (with nights of daylight saving) and measures; damage.
#include "segments/cube.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "segments/file_format.h"
#include "segments/id_list.h"
#include "segments/live_segment.h"
#include "segments/sealed_file.h"
#include "segments/sealed_segment.h"
#include "segments/segment_writer.h"
#include "tests/segments/naive_cube.h"

namespace freshet {
namespace {

using Random = std::mt19937_64;

// Times lie around a change of the clock in Europe and America.
CubeSpec random_spec(Random& random) {
  static const char* kZones[] = {"UTC", "Europe/Madrid", "America/New_York",
                                 "Asia/Kolkata", "Australia/Lord_Howe"};
  static const char* kGrains[] = {"minute", "PT15M", "hour", "PT6H", "day",
                                  "week",   "month", "all",  "year"};
  CubeSpec spec;
  spec.name = "c";
  spec.zone = kZones[random() % 5];
  spec.granularity = *Granularity::parse(kGrains[random() % 9]);
  auto schema = cube_rows_schema();
  std::vector<size_t> columns = {1, 2, 3, 4};
  std::shuffle(columns.begin(), columns.end(), random);
  columns.resize(random() % 4);
  for (size_t c : columns) spec.dimensions.push_back(schema->columns[c].name);
  for (size_t c = 1; c < schema->columns.size(); ++c) {
    const ColumnSpec& column = schema->columns[c];
    if (random() % 2) continue;
    uint32_t states = possible_cube_states(column.type);
    if (random() % 2) states &= static_cast<uint32_t>(random());
    spec.measures.push_back({column.name, states});
  }
  return spec;
}

struct OpenSegment {
  TemporaryFolder folder;
  std::string path = folder.path() + "/a.seg";
  std::shared_ptr<const Segment> segment;
};

void seal(OpenSegment& out, const std::vector<Row>& rows,
          std::vector<CubeSpec> cubes,
          std::vector<std::string> sort_by = {"store"}) {
  auto live = LiveSegment::create("live_1", cube_rows_schema(), Interval{});
  ColumnBatch batch(live->schema());
  for (const Row& row : rows) append_row(batch, row);
  live->append(batch);
  SealOptions options{std::move(sort_by), std::move(cubes)};
  auto written = write_segment(real_file_system(), *live->snapshot(), "a",
                               out.path, options);
  REQUIRE_MESSAGE(written.has_value(), written.error().message);
  auto opened = open_segment(out.path);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  out.segment = *opened;
}

const Cube* only_cube(const OpenSegment& open) {
  auto cubes = open.segment->cubes();
  REQUIRE_MESSAGE(cubes.has_value(), cubes.error().message);
  if (*cubes == nullptr) return nullptr;
  REQUIRE((*cubes)->size() == 1);
  return &(*cubes)->front();
}

// Whether the segment has its cube; all of it is checked.
bool check_cube(const OpenSegment& open, const CubeSpec& spec,
                const std::vector<Row>& rows) {
  auto groups = naive_groups(spec, rows);
  const Cube* cube = only_cube(open);
  CHECK((cube != nullptr) == (groups.size() <= rows.size() / 2));
  if (cube == nullptr) return false;
  for (size_t i = 0; i < spec.measures.size(); ++i) {
    uint32_t lost = spec.measures[i].states ^ cube->spec.measures[i].states;
    CHECK((lost & ~uint32_t{kCubeDistinct}) == 0);
  }
  std::vector<Row> table = read_rows(*cube->table);
  CHECK(table.size() == groups.size());
  for (const Row& cells : table) {
    Row key(cells.begin(),
            cells.begin() + static_cast<ptrdiff_t>(1 + spec.dimensions.size()));
    auto at = groups.find(key_text(key));
    REQUIRE(at != groups.end());
    TableRow row(*cube->table, cells);
    CHECK(row("#rows") == Cell(static_cast<int64_t>(at->second.size())));
    for (const CubeMeasure& measure : cube->spec.measures) {
      check_measure(row, measure, open.segment->schema(), open.segment.get(),
                    at->second);
    }
    groups.erase(at);
  }
  CHECK(groups.empty());
  // Which takes NaN for unequal to itself.
  auto with_nan = [](const Row& row) {
    auto* real = std::get_if<double>(&row[7]);
    return real && std::isnan(*real);
  };
  if (std::none_of(rows.begin(), rows.end(), with_nan)) {
    Random random(1);
    CHECK(check_consistency(*cube->table, random) == "");
  }
  return true;
}

TEST_CASE("a cube has the states of its rows, whatever it is cut by") {
  int built = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    // 2026-03-28T22:00Z, or 2026-10-24T22:00Z.
    int64_t start = random() % 2 ? 1774735200000 : 1792879200000;
    int64_t span = int64_t{3600'000} << random() % 10;
    std::vector<Row> rows;
    for (uint64_t n = random() % 10 ? random() % 1500 : 9000; n > 0; --n) {
      rows.push_back(cube_row(random, start, span));
    }
    if (random() % 2) {
      for (Row& row : rows) row[7] = Cell(static_cast<double>(random() % 9));
    }
    CubeSpec spec = random_spec(random);
    OpenSegment open;
    seal(open, rows, {spec});
    built += check_cube(open, spec, rows);
  }
  CHECK(built > 60);
}

TEST_CASE("no cube of rows that it would not make fewer") {
  Random random(3);
  std::vector<Row> rows;
  for (int i = 0; i < 100; ++i) {
    rows.push_back(cube_row(random, i * 3600'000, 1));
  }
  CubeSpec spec;
  spec.name = "c";
  spec.granularity = *Granularity::parse("hour");
  OpenSegment open;
  seal(open, rows, {spec});
  CHECK(only_cube(open) == nullptr);
  spec.granularity = *Granularity::parse("day");
  OpenSegment other;
  seal(other, rows, {spec});
  CHECK(only_cube(other)->table->num_rows() == 5);
}

TEST_CASE("a cube of columns that the segment lacks is left out") {
  Random random(3);
  std::vector<Row> rows(50, cube_row(random, 0, 1));
  CubeSpec spec;
  spec.name = "c";
  spec.dimensions = {"region"};
  OpenSegment open;
  seal(open, rows, {spec});
  CHECK(only_cube(open) == nullptr);
  spec.dimensions = {"real"};  // a double
  OpenSegment other;
  seal(other, rows, {spec});
  CHECK(only_cube(other) == nullptr);
}

TEST_CASE("states fit their columns") {
  auto schema = cube_rows_schema();
  CubeSpec spec;
  spec.measures = {{"real", kCubeSum}};
  CHECK_FALSE(cube_schema(spec, *schema).has_value());
  spec.measures = {{"net", kCubeSum}, {"net", kCubeMin}};
  CHECK_FALSE(cube_schema(spec, *schema).has_value());
  spec.measures = {{"net", kCubeDistinct}};
  CHECK_FALSE(cube_schema(spec, *schema).has_value());
  spec.measures = {{"member", kCubeDistinct | kCubeLast}};
  CHECK(cube_schema(spec, *schema).has_value());
  CHECK(default_cube_states({ColumnKind::kDouble, 0}) == (kCubeMin | kCubeMax));
  CHECK(default_cube_states({ColumnKind::kTimestamp, 0}) == 0);
}

std::string file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// All rows of the cube, or an error; nothing else.
Result<std::vector<Row>> read_cube(const std::string& path) {
  TRY_ASSIGN(auto segment, open_segment(path));
  TRY_ASSIGN(const std::vector<Cube>* cubes, segment->cubes());
  if (cubes == nullptr) {
    return Error{ErrorCode::kNotFound, "the cube is gone"};
  }
  const Segment& table = *cubes->front().table;
  for (const ColumnSpec& column : table.schema().columns) {
    TRY(table.column(column.name));
  }
  return read_rows(table);
}

TEST_CASE("a damaged cube is an error, never another number") {
  Random random(9);
  std::vector<Row> rows;
  for (int i = 0; i < 600; ++i) {
    rows.push_back(cube_row(random, 1774735200000, 3600'000));
  }
  CubeSpec spec;
  spec.name = "c";
  spec.dimensions = {"store", "grade"};
  spec.granularity = *Granularity::parse("hour");
  spec.measures = {{"net", kCubeSum | kCubeQuantiles | kCubeLast},
                   {"member", kCubeApproxDistinct}};
  OpenSegment open;
  seal(open, rows, {spec});
  std::string good = file_bytes(open.path);
  auto expected = read_cube(open.path);
  REQUIRE(expected.has_value());
  auto file = open_sealed_bytes(open.path);
  REQUIRE(file.has_value());
  size_t first = file->footer.cubes.at(0).columns.at(0).blocks.offset;
  int refused = 0;
  for (size_t at = first; at < good.size(); at += 1 + random() % 5) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
    std::ofstream(open.path, std::ios::binary) << bad;
    auto found = read_cube(open.path);
    if (!found) {
      CHECK(found.error().code == ErrorCode::kCorrupt);
      CHECK_FALSE(verify_segment(open.path).has_value());
      ++refused;
    } else {
      bool same = found->size() == expected->size();
      for (size_t r = 0; same && r < found->size(); ++r) {
        same = std::equal((*found)[r].begin(), (*found)[r].end(),
                          (*expected)[r].begin(), same_cell);
      }
      CHECK_MESSAGE(same, "byte ", at);
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("a list of ids comes back; a damaged one is refused") {
  std::vector<uint32_t> ids = {1, 2, 130, 20000, 4000000000};
  std::string bytes = encode_ids(ids);
  std::vector<uint32_t> out;
  CHECK(decode_ids(bytes, UINT32_MAX, out).has_value());
  CHECK(out == ids);
  CHECK_FALSE(decode_ids(bytes, 4000000000, out).has_value());
  CHECK_FALSE(decode_ids(std::string(1, '\0'), 10, out).has_value());
  CHECK_FALSE(decode_ids("\x81", 1000, out).has_value());
  CHECK(decode_ids("", 1, out).has_value());
}

}  // namespace
}  // namespace freshet
