#include "tests/support/row_model.h"

#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <filesystem>
#include <limits>

namespace freshet {
namespace {

using Nulls = std::vector<uint64_t>;

Nulls nulls_of(const Column& column, uint32_t block) {
  Nulls words(kBlockRows / 64);
  column.read_nulls(block, words.data());
  return words;
}

bool is_null(const Nulls& words, uint32_t row) {
  return (words[row / 64] >> row % 64 & 1) != 0;
}

std::vector<Cell> block_cells(const Column& column, uint32_t block,
                              uint32_t rows) {
  std::vector<Cell> cells(rows);
  Nulls nulls = nulls_of(column, block);
  std::vector<int64_t> longs(kBlockRows);
  std::vector<double> doubles(kBlockRows);
  std::vector<uint32_t> ids(kBlockRows);
  ColumnKind kind = column.type().kind;
  if (kind == ColumnKind::kString) column.read_ids(block, ids.data());
  if (kind == ColumnKind::kDouble) column.read_doubles(block, doubles.data());
  if (column.type().is_integer_backed()) {
    column.read_longs(block, longs.data());
  }
  for (uint32_t i = 0; i < rows; ++i) {
    if (is_null(nulls, i)) continue;
    if (kind == ColumnKind::kString) {
      // The file may have been cut since the nulls were read.
      if (ids[i] == kNullId) continue;
      cells[i] = std::string(column.dictionary()->value(ids[i]));
    } else if (kind == ColumnKind::kDouble) {
      cells[i] = doubles[i];
    } else {
      cells[i] = longs[i];
    }
  }
  return cells;
}

template <class T, class Read, class Gather>
bool gathers_agree(uint32_t rows, std::mt19937_64& random, Read read,
                   Gather gather) {
  std::vector<T> all(kBlockRows + 1, T(77)), chosen;
  read(all.data());
  if (all[rows] != T(77)) return false;  // wrote past the block
  std::vector<uint16_t> positions;
  for (uint32_t i = 0; i < rows; ++i) {
    if (random() % 3 == 0) positions.push_back(static_cast<uint16_t>(i));
  }
  chosen.resize(positions.size());
  gather(positions, chosen.data());
  for (size_t i = 0; i < positions.size(); ++i) {
    if (chosen[i] != all[positions[i]]) return false;
  }
  return true;
}

bool check_gather(const Column& column, uint32_t block, uint32_t rows,
                  std::mt19937_64& random) {
  if (column.type().kind == ColumnKind::kString) {
    return gathers_agree<uint32_t>(
        rows, random, [&](uint32_t* out) { column.read_ids(block, out); },
        [&](std::span<const uint16_t> at, uint32_t* out) {
          column.gather_ids(block, at, out);
        });
  }
  if (column.type().kind == ColumnKind::kDouble) {
    return gathers_agree<double>(
        rows, random, [&](double* out) { column.read_doubles(block, out); },
        [&](std::span<const uint16_t> at, double* out) {
          column.gather_doubles(block, at, out);
        });
  }
  return gathers_agree<int64_t>(
      rows, random, [&](int64_t* out) { column.read_longs(block, out); },
      [&](std::span<const uint16_t> at, int64_t* out) {
        column.gather_longs(block, at, out);
      });
}

bool check_zone(const Column& column, uint32_t block,
                const std::vector<Cell>& cells) {
  std::optional<ZoneMap> zone = column.zone_map(block);
  if (!zone) return true;
  uint32_t nulls = 0;
  int64_t least = INT64_MAX, greatest = INT64_MIN;
  double low = std::numeric_limits<double>::max();
  double high = std::numeric_limits<double>::lowest();
  for (const Cell& cell : cells) {
    nulls += cell.index() == 0;
    int64_t value = 0;
    if (auto* text = std::get_if<std::string>(&cell)) {
      value = *column.dictionary()->find(*text);
    } else if (auto* number = std::get_if<int64_t>(&cell)) {
      value = *number;
    } else if (auto* real = std::get_if<double>(&cell)) {
      low = std::min(low, *real);
      high = std::max(high, *real);
      continue;
    } else {
      continue;
    }
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  if (zone->num_nulls != nulls) return false;
  if (nulls == cells.size()) return true;
  if (column.type().kind == ColumnKind::kDouble) {
    return zone->min_double == low && zone->max_double == high;
  }
  return zone->min_long == least && zone->max_long == greatest;
}

bool check_index(const Segment& segment, const Column& column) {
  const Dictionary& dictionary = *column.dictionary();
  std::vector<std::vector<uint32_t>> expected(dictionary.size());
  std::vector<uint32_t> ids(kBlockRows);
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    column.read_ids(block, ids.data());
    for (uint32_t i = 0; i < segment.block_rows(block); ++i) {
      expected[ids[i]].push_back(block * kBlockRows + i);
    }
  }
  for (uint32_t id = 0; id < dictionary.size(); ++id) {
    const Bitmap* rows = column.rows_of(id);
    if (rows != nullptr && rows->to_vector() != expected[id]) return false;
  }
  return true;
}

// The ids that follow from another column's are those read.
bool check_derived(const Segment& segment, const Column& column) {
  const std::optional<DerivedIds> derived = column.derived();
  if (!derived) return true;
  std::vector<uint32_t> ids(kBlockRows), base(kBlockRows);
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    column.read_ids(block, ids.data());
    derived->base->read_ids(block, base.data());
    for (uint32_t i = 0; i < segment.block_rows(block); ++i) {
      if (ids[i] != derived->ids[base[i]]) return false;
    }
  }
  return true;
}

bool check_dictionary(const Dictionary& dictionary) {
  for (uint32_t id = 1; id < dictionary.size(); ++id) {
    if (dictionary.find(dictionary.value(id)) != id) return false;
    if (dictionary.sorted() && id > 1 &&
        dictionary.value(id - 1) >= dictionary.value(id)) {
      return false;
    }
  }
  return !dictionary.find("no such value");
}

}  // namespace

TemporaryFolder::TemporaryFolder(bool in_memory) {
  namespace fs = std::filesystem;
  constexpr uint64_t kRoom = uint64_t{256} << 20;
  fs::path parent = fs::temp_directory_path();
  std::error_code code;
  fs::space_info memory = fs::space("/dev/shm", code);
  if (in_memory && !code && memory.available > kRoom) parent = "/dev/shm";
  std::string pattern = (parent / "freshet_XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::shared_ptr<const Schema> model_schema() {
  Schema schema;
  schema.columns = {
      {"__time", {ColumnKind::kTimestamp, 0}, false},
      {"store", {ColumnKind::kString, 0}, false},
      {"txn", {ColumnKind::kString, 0}, true},
      {"qty", {ColumnKind::kLong, 0}, false},
      {"wide", {ColumnKind::kLong, 0}, false},
      {"price", {ColumnKind::kDecimal, 2}, false},
      {"weight", {ColumnKind::kDouble, 0}, false},
      {"web", {ColumnKind::kBool, 0}, false},
      {"shipped", {ColumnKind::kTimestamp, 0}, false},
      {"constant", {ColumnKind::kLong, 0}, false},
      {"absent", {ColumnKind::kString, 0}, false},
  };
  return std::make_shared<const Schema>(std::move(schema));
}

Row random_row(std::mt19937_64& random, int64_t start) {
  static const std::string kStores[] = {
      "Madrid", "M\xc3\xa1laga", "\xe6\x9d\xb1\xe4\xba\xac",
      "",       "S\"01\"",       std::string("a\0b", 3)};
  auto any = [&](uint64_t n) { return random() % n; };
  auto number = [&](uint64_t n) { return static_cast<int64_t>(any(n)); };
  int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1};
  double doubles[] = {0.0, -1.5, 1e308, 5e-324, 3.25};
  Row row(11);
  row[0] = start + number(3'600'000);
  if (any(8) != 0) row[1] = kStores[any(6)] + (any(2) ? "" : "!");
  row[2] = "txn-" + std::to_string(any(1'000'000));
  row[3] = number(20) - 5;
  if (any(3) != 0) row[4] = any(50) == 0 ? extremes[any(4)] : number(1000);
  row[5] = number(1'000'000'000);
  if (any(5) != 0) row[6] = doubles[any(5)];
  if (any(9) != 0) row[7] = number(2);
  if (any(2) != 0) row[8] = start + number(1000);
  row[9] = int64_t{42};
  return row;
}

void append_row(ColumnBatch& batch, const Row& row) {
  for (size_t i = 0; i < row.size(); ++i) {
    if (auto* number = std::get_if<int64_t>(&row[i])) {
      batch.set_long(i, *number);
    } else if (auto* real = std::get_if<double>(&row[i])) {
      batch.set_double(i, *real);
    } else if (auto* text = std::get_if<std::string>(&row[i])) {
      batch.set_string(i, batch.keep(*text));
    }
  }
  batch.commit_row();
}

std::vector<Row> read_rows(const Segment& segment) {
  size_t num_columns = segment.schema().columns.size();
  std::vector<Row> rows(segment.num_rows(), Row(num_columns));
  for (size_t c = 0; c < num_columns; ++c) {
    auto column = segment.column(segment.schema().columns[c].name);
    if (!column) return {};
    for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
      auto cells = block_cells(**column, block, segment.block_rows(block));
      for (size_t i = 0; i < cells.size(); ++i) {
        rows[block * kBlockRows + i][c] = std::move(cells[i]);
      }
    }
  }
  return rows;
}

std::string check_consistency(const Segment& segment, std::mt19937_64& random) {
  for (const ColumnSpec& spec : segment.schema().columns) {
    auto found = segment.column(spec.name);
    if (!found) return found.error().message;
    const Column& column = **found;
    for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
      uint32_t rows = segment.block_rows(block);
      std::string place = spec.name + " block " + std::to_string(block);
      if (!check_gather(column, block, rows, random)) return "gather " + place;
      if (!check_zone(column, block, block_cells(column, block, rows))) {
        return "zone map " + place;
      }
    }
    if (column.dictionary() == nullptr) continue;
    if (!check_dictionary(*column.dictionary())) {
      return "dictionary " + spec.name;
    }
    if (!check_index(segment, column)) return "index " + spec.name;
    if (!check_derived(segment, column)) return "derived ids " + spec.name;
  }
  return "";
}

}  // namespace freshet
