// verify_segment and dump_segment of sealed_segment.h.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <vector>

#include "segments/sealed_column.h"
#include "segments/sealed_cube.h"
#include "segments/sealed_file.h"
#include "segments/sealed_segment.h"

namespace freshet {
namespace {

constexpr uint32_t kShownValues = 5;

Status check_content(const SealedBytes& bytes) {
  uint64_t hashed = bytes.trailer.footer_offset + bytes.trailer.footer_length -
                    sizeof(uint64_t);
  if (checksum_of(bytes.file->bytes(0, hashed)) == bytes.footer.content_hash) {
    return {};
  }
  return Error{ErrorCode::kCorrupt, "content hash differs"};
}

// How many bytes the UTF-8 character at the front has; 0 if there is none.
size_t character_bytes(std::string_view text) {
  auto lead = static_cast<unsigned char>(text[0]);
  size_t bytes = lead < 0x80   ? 1
                 : lead < 0xc2 ? 0
                 : lead < 0xe0 ? 2
                 : lead < 0xf0 ? 3
                 : lead < 0xf5 ? 4
                               : 0;
  if (bytes > text.size()) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return bytes;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    size_t bytes = character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

// JSON text of a value, quotes and all; of a sketch its bytes in hex.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  if (!is_utf8(text)) {
    for (unsigned char c : text) out += fmt::format("{:02x}", c);
    return out + '"';
  }
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string long_text(ColumnType type, int64_t value) {
  switch (type.kind) {
    case ColumnKind::kDecimal:
      return decimal_to_string(value, type.scale);
    case ColumnKind::kBool:
      return value != 0 ? "true" : "false";
    case ColumnKind::kTimestamp:
      return quoted(to_iso8601(Timestamp{value}));
    default:
      return std::to_string(value);
  }
}

// The values of one block as JSON.
std::vector<std::string> block_texts(const Column& column, uint32_t block,
                                     uint32_t rows) {
  std::vector<std::string> texts(rows);
  ColumnType type = column.type();
  if (type.kind == ColumnKind::kString) {
    std::vector<uint32_t> ids(kBlockRows);
    column.read_ids(block, ids.data());
    for (uint32_t i = 0; i < rows; ++i) {
      if (ids[i] != kNullId) {
        texts[i] = quoted(column.dictionary()->value(ids[i]));
      }
    }
  } else if (type.kind == ColumnKind::kDouble) {
    std::vector<double> values(kBlockRows);
    column.read_doubles(block, values.data());
    for (uint32_t i = 0; i < rows; ++i) texts[i] = fmt::format("{}", values[i]);
  } else {
    std::vector<int64_t> values(kBlockRows);
    column.read_longs(block, values.data());
    for (uint32_t i = 0; i < rows; ++i) texts[i] = long_text(type, values[i]);
  }
  uint64_t nulls[kBlockRows / 64];
  if (!column.read_nulls(block, nulls)) return texts;
  for (uint32_t i = 0; i < rows; ++i) {
    if (nulls[i / 64] >> i % 64 & 1) texts[i] = "null";
  }
  return texts;
}

std::string range_text(const SealedColumn& column, uint32_t num_rows) {
  const ColumnFooter& footer = column.footer();
  if (num_rows == 0) return "no rows";
  if (footer.num_nulls == num_rows) return "no values";
  if (footer.encoding == Encoding::kDoubles) {
    return fmt::format("{} .. {}", std::bit_cast<double>(footer.min),
                       std::bit_cast<double>(footer.max));
  }
  if (footer.dictionary_size > 0 || footer.min > footer.max) {
    return fmt::format("ids {} .. {}", footer.min, footer.max);
  }
  return long_text(footer.spec.type, footer.min) + " .. " +
         long_text(footer.spec.type, footer.max);
}

// "packed 3, delta 240": how many blocks are in which codec.
std::string codecs_text(const SealedColumn& column, uint32_t num_blocks) {
  constexpr const char* kNames[] = {"packed", "delta", "dictionary", "raw",
                                    "decimal"};
  uint32_t counts[std::size(kNames)] = {};
  for (uint32_t block = 0; block < num_blocks; ++block) {
    ++counts[static_cast<size_t>(column.entry(block).codec)];
  }
  std::string text;
  for (size_t codec = 0; codec < std::size(kNames); ++codec) {
    if (counts[codec] == 0) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", kNames[codec], counts[codec]);
  }
  return text.empty() ? "no blocks" : text;
}

void describe_column(const SealedColumn& column, const Footer& file,
                     std::string& out) {
  const ColumnFooter& footer = column.footer();
  const uint32_t num_blocks = file.num_blocks();
  unsigned least = 64, greatest = 0;
  for (uint32_t block = 0; block < num_blocks; ++block) {
    least = std::min<unsigned>(least, column.entry(block).width);
    greatest = std::max<unsigned>(greatest, column.entry(block).width);
  }
  out += fmt::format(
      "column {} {}: {}, {}..{} bits, blocks {} bytes, nulls {}, {}\n",
      footer.spec.name, to_string(footer.spec.type),
      codecs_text(column, num_blocks), least, greatest, footer.blocks.length,
      footer.num_nulls, range_text(column, file.num_rows));
  const Dictionary* dictionary = column.dictionary();
  if (dictionary == nullptr) return;
  if (footer.encoding == Encoding::kDerivedIds) {
    out += fmt::format("  derived from column {} by {} bytes\n", footer.base,
                       footer.derivation.length);
  }
  out += fmt::format("  dictionary {} values {}, {} bytes; index ",
                     dictionary->size() - 1,
                     dictionary->sorted() ? "sorted" : "by appearance",
                     footer.dictionary.length);
  out += footer.index_directory.length == 0
             ? "none\n"
             : fmt::format("{} bytes\n",
                           footer.index.length + footer.index_directory.length);
  uint32_t shown = std::min(dictionary->size() - 1, kShownValues);
  for (uint32_t id = 1; id <= shown; ++id) {
    out += fmt::format("  {} {}\n", id, quoted(dictionary->value(id)));
  }
}

void describe_rollup(const Rollup& rollup, std::string& out) {
  out += fmt::format("rolled up by {} in {}: measures",
                     rollup.spec.granularity.to_string(), rollup.spec.zone);
  for (const CubeMeasure& measure : rollup.spec.measures) {
    out += " " + measure.column;
  }
  out += "\n";
}

void describe_cube(const CubeFooter& cube, std::string& out) {
  out += fmt::format("cube {}: {} rows, {} in {}, by", cube.spec.name,
                     cube.num_rows, cube.spec.granularity.to_string(),
                     cube.spec.zone);
  for (const std::string& name : cube.spec.dimensions) out += " " + name;
  out += "\n";
  for (const ColumnFooter& column : cube.columns) {
    out += fmt::format("  {} {}: {} bytes\n", column.spec.name,
                       to_string(column.spec.type),
                       column.blocks.length + column.block_table.length +
                           column.dictionary.length + column.index.length +
                           column.index_directory.length);
  }
}

using Columns = std::vector<std::unique_ptr<SealedColumn>>;

Result<Columns> open_columns(const SealedBytes& bytes) {
  Columns columns;
  for (size_t i = 0; i < bytes.footer.columns.size(); ++i) {
    TRY_ASSIGN(auto column, SealedColumn::open(*bytes.file, bytes.footer, i));
    columns.push_back(std::move(column));
  }
  return columns;
}

void dump_rows(const Columns& columns, uint32_t rows, std::string& out) {
  for (uint32_t begin = 0; begin < rows; begin += kBlockRows) {
    uint32_t part = std::min(rows - begin, kBlockRows);
    std::vector<std::vector<std::string>> texts;
    for (const auto& column : columns) {
      texts.push_back(block_texts(*column, begin / kBlockRows, part));
    }
    for (uint32_t row = 0; row < part; ++row) {
      for (size_t i = 0; i < columns.size(); ++i) {
        out += i == 0 ? "{" : ",";
        out += quoted(columns[i]->footer().spec.name) + ":" + texts[i][row];
      }
      out += "}\n";
    }
  }
}

Status verify(const SealedBytes& bytes) {
  TRY_ASSIGN(Columns columns, open_columns(bytes));
  for (const auto& column : columns) {
    const SealedDictionary* dictionary = column->sealed_dictionary();
    if (dictionary != nullptr && dictionary->sorted() &&
        !dictionary->is_ascending()) {
      return Error{ErrorCode::kCorrupt, "dictionary is not sorted: column " +
                                            column->footer().spec.name};
    }
  }
  for (const CubeFooter& cube : bytes.footer.cubes) {
    TRY(verify_cube(*bytes.file, cube));
  }
  return check_content(bytes);
}

}  // namespace

Status verify_segment(const std::string& path) {
  TRY_ASSIGN(SealedBytes bytes, open_sealed_bytes(path));
  if (Status status = verify(bytes); !status) {
    return in_file(path, status.error());
  }
  return {};
}

Result<std::string> dump_segment(const std::string& path, uint32_t rows) {
  TRY_ASSIGN(SealedBytes bytes, open_sealed_bytes(path));
  Result<Columns> columns = open_columns(bytes);
  if (!columns) return in_file(path, columns.error());
  const Footer& footer = bytes.footer;
  std::string out = fmt::format(
      "segment {}\nversion {}\nbytes {}\nrows {}\nblocks {}\n"
      "time {} .. {}\ncontent hash {:016x}\n",
      footer.id, bytes.trailer.version, bytes.file->size(), footer.num_rows,
      footer.num_blocks(), to_iso8601(footer.time_range.start),
      to_iso8601(footer.time_range.end), footer.content_hash);
  out += "sorted by";
  for (const std::string& name : footer.sort_by) out += " " + name;
  out += fmt::format(" {}\n", kTimeColumn);
  if (footer.rollup) describe_rollup(*footer.rollup, out);
  for (const auto& column : *columns) {
    describe_column(*column, footer, out);
  }
  for (const CubeFooter& cube : footer.cubes) describe_cube(cube, out);
  dump_rows(*columns, std::min(rows, footer.num_rows), out);
  return out;
}

}  // namespace freshet
