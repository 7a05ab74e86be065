#include "segments/file_format.h"

#include <xxhash.h>

#include "segments/byte_fields.h"

namespace freshet {
namespace {

Error damaged(std::string what) {
  return Error{ErrorCode::kCorrupt, std::move(what)};
}

void put(FieldWriter& out, const Extent& extent) {
  out.put(extent.offset);
  out.put(extent.length);
  out.put(extent.checksum);
}

Extent take_extent(FieldReader& in) {
  Extent extent;
  extent.offset = in.number();
  extent.length = in.number();
  extent.checksum = in.number();
  return extent;
}

void put(FieldWriter& out, const ColumnFooter& column) {
  out.put(column.spec.name);
  out.put(static_cast<uint8_t>(column.spec.type.kind));
  out.put(column.spec.type.scale);
  out.put(static_cast<uint8_t>(column.spec.high_cardinality));
  out.put(static_cast<uint8_t>(column.encoding));
  out.put(column.num_nulls);
  out.put(column.dictionary_size);
  out.put(column.min);
  out.put(column.max);
  put(out, column.blocks);
  put(out, column.block_table);
  put(out, column.dictionary);
  put(out, column.index_directory);
  put(out, column.index);
  out.put(column.base);
  put(out, column.derivation);
}

ColumnFooter take_column(FieldReader& in) {
  ColumnFooter column;
  column.spec.name = in.text();
  column.spec.type.kind = static_cast<ColumnKind>(in.take<uint8_t>());
  column.spec.type.scale = in.take<uint8_t>();
  column.spec.high_cardinality = in.take<uint8_t>() != 0;
  column.encoding = static_cast<Encoding>(in.take<uint8_t>());
  column.num_nulls = in.take<uint32_t>();
  column.dictionary_size = in.take<uint32_t>();
  column.min = in.signed_number();
  column.max = in.signed_number();
  column.blocks = take_extent(in);
  column.block_table = take_extent(in);
  column.dictionary = take_extent(in);
  column.index_directory = take_extent(in);
  column.index = take_extent(in);
  column.base = in.take<uint32_t>();
  column.derivation = take_extent(in);
  return column;
}

void put(FieldWriter& out, const CubeFooter& cube) {
  out.put(cube.spec.name);
  out.put(cube.spec.granularity.to_string());
  out.put(cube.spec.zone);
  out.put(cube.num_rows);
  out.put(static_cast<uint32_t>(cube.spec.dimensions.size()));
  for (const std::string& name : cube.spec.dimensions) out.put(name);
  out.put(static_cast<uint32_t>(cube.spec.measures.size()));
  for (const CubeMeasure& measure : cube.spec.measures) {
    out.put(measure.column);
    out.put(measure.states);
  }
  out.put(static_cast<uint32_t>(cube.columns.size()));
  for (const ColumnFooter& column : cube.columns) put(out, column);
}

Result<CubeFooter> take_cube(FieldReader& in) {
  CubeFooter cube;
  cube.spec.name = in.text();
  std::string granularity = in.text();
  cube.spec.zone = in.text();
  cube.num_rows = in.take<uint32_t>();
  for (uint32_t n = in.take<uint32_t>(); n > 0 && in.valid(); --n) {
    cube.spec.dimensions.push_back(in.text());
  }
  for (uint32_t n = in.take<uint32_t>(); n > 0 && in.valid(); --n) {
    CubeMeasure measure;
    measure.column = in.text();
    measure.states = in.take<uint32_t>();
    cube.spec.measures.push_back(std::move(measure));
  }
  for (uint32_t n = in.take<uint32_t>(); n > 0 && in.valid(); --n) {
    cube.columns.push_back(take_column(in));
  }
  auto parsed = Granularity::parse(granularity);
  if (!in.valid() || !parsed) {
    return damaged("damaged cube " + cube.spec.name);
  }
  cube.spec.granularity = *parsed;
  return cube;
}

void put(FieldWriter& out, const Rollup& rollup) {
  out.put(rollup.spec.granularity.to_string());
  out.put(rollup.spec.zone);
  out.put(static_cast<uint32_t>(rollup.spec.measures.size()));
  for (const CubeMeasure& measure : rollup.spec.measures) {
    const Schema& source = rollup.source;
    const ColumnSpec& column = source.columns[*source.find(measure.column)];
    out.put(measure.column);
    out.put(measure.states);
    out.put(static_cast<uint8_t>(column.type.kind));
    out.put(column.type.scale);
    out.put(static_cast<uint8_t>(column.high_cardinality));
  }
}

// `table`: the segment's columns, of which the first are time and dimensions.
Result<Rollup> take_rollup(FieldReader& in,
                           const std::vector<ColumnFooter>& table) {
  Rollup rollup;
  rollup.spec.name = kRollupName;
  std::string granularity = in.text();
  rollup.spec.zone = in.text();
  for (const ColumnFooter& column : table) {
    if (column.spec.name == kCubeRows) break;
    rollup.source.columns.push_back(column.spec);
    if (&column == &table.front()) continue;
    rollup.spec.dimensions.push_back(column.spec.name);
  }
  for (uint32_t n = in.take<uint32_t>(); n > 0 && in.valid(); --n) {
    CubeMeasure measure;
    ColumnSpec column;
    measure.column = column.name = in.text();
    measure.states = in.take<uint32_t>();
    column.type.kind = static_cast<ColumnKind>(in.take<uint8_t>());
    column.type.scale = in.take<uint8_t>();
    column.high_cardinality = in.take<uint8_t>() != 0;
    rollup.spec.measures.push_back(std::move(measure));
    rollup.source.columns.push_back(std::move(column));
  }
  auto parsed = Granularity::parse(granularity);
  if (!in.valid() || !parsed || !load_time_zone(rollup.spec.zone)) {
    return damaged("damaged rollup");
  }
  rollup.spec.granularity = *parsed;
  return rollup;
}

bool encodes(Encoding encoding, ColumnKind kind) {
  if (kind == ColumnKind::kString) {
    return encoding == Encoding::kIds || encoding == Encoding::kDerivedIds;
  }
  return encoding ==
         (kind == ColumnKind::kDouble ? Encoding::kDoubles : Encoding::kLongs);
}

// A base with ids of its own, one for each entry of the table.
bool has_base(const ColumnFooter& column,
              const std::vector<ColumnFooter>& table) {
  if (column.encoding != Encoding::kDerivedIds) return true;
  if (column.base >= table.size()) return false;
  const ColumnFooter& base = table[column.base];
  return base.encoding == Encoding::kIds &&
         column.derivation.length ==
             uint64_t{base.dictionary_size} * sizeof(uint32_t);
}

bool inside(const Extent& extent, uint64_t end) {
  return extent.offset % kExtentAlignment == 0 && extent.offset <= end &&
         extent.length <= end - extent.offset;
}

// A column of a table: the segment's columns or a cube's.
Status check_column(const ColumnFooter& column,
                    const std::vector<ColumnFooter>& table, uint32_t num_rows,
                    uint64_t end) {
  uint64_t num_blocks = (uint64_t{num_rows} + kBlockRows - 1) / kBlockRows;
  const ColumnType& type = column.spec.type;
  bool known = type.kind <= ColumnKind::kTimestamp && type.scale <= 18;
  if (!known || !encodes(column.encoding, type.kind)) {
    return damaged("unknown type or encoding of column " + column.spec.name);
  }
  bool is_string = type.kind == ColumnKind::kString;
  bool sound = inside(column.blocks, end) && inside(column.block_table, end) &&
               inside(column.dictionary, end) &&
               inside(column.index_directory, end) &&
               inside(column.index, end) &&
               column.block_table.length == num_blocks * sizeof(BlockEntry) &&
               (column.dictionary_size > 0) == is_string &&
               inside(column.derivation, end) && has_base(column, table) &&
               column.num_nulls <= num_rows;
  if (!sound) return damaged("wrong extents of column " + column.spec.name);
  return {};
}

bool are(const std::vector<ColumnFooter>& columns,
         const Result<Schema>& expected) {
  if (!expected || expected->columns.size() != columns.size()) return false;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].spec != expected->columns[i]) return false;
  }
  return true;
}

// The columns that the rows have, or had before they were rolled up.
Schema source_of(const Footer& footer) {
  if (footer.rollup) return footer.rollup->source;
  Schema schema;
  for (const ColumnFooter& column : footer.columns) {
    schema.columns.push_back(column.spec);
  }
  return schema;
}

Status check_rollup(const Footer& footer) {
  const Rollup& rollup = *footer.rollup;
  bool sound = are(footer.columns, rollup_schema(rollup.spec, rollup.source));
  for (const ColumnSpec& column : rollup.source.columns) {
    sound = sound && column.type.kind <= ColumnKind::kTimestamp &&
            column.type.scale <= 18;
  }
  if (!sound) return damaged("wrong columns of a rollup");
  return {};
}

Status check_cube(const CubeFooter& cube, const Footer& footer, uint64_t end) {
  bool sound = cube.num_rows <= footer.num_rows &&
               are(cube.columns, cube_schema(cube.spec, source_of(footer)));
  if (!sound) return damaged("wrong columns of cube " + cube.spec.name);
  for (const ColumnFooter& column : cube.columns) {
    TRY(check_column(column, cube.columns, cube.num_rows, end));
  }
  return {};
}

bool is_known(uint32_t version) {
  return version >= 1 && version <= kSegmentVersion;
}

std::string header_of(uint32_t version) {
  std::string bytes(kSegmentMagic, 8);
  FieldWriter out(bytes);
  out.put(version);
  out.put(kBlockRows);
  bytes.resize(kHeaderBytes, '\0');
  return bytes;
}

}  // namespace

uint64_t checksum_of(std::string_view bytes) {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  return 0;  // the fuzzer is to reach what checksums guard
#else
  return XXH3_64bits(bytes.data(), bytes.size());
#endif
}

std::string encode_header() { return header_of(kSegmentVersion); }

std::string encode_footer_body(const Footer& footer) {
  std::string bytes;
  FieldWriter out(bytes);
  out.put(footer.id);
  out.put(footer.num_rows);
  out.put(footer.time_range.start.ms);
  out.put(footer.time_range.end.ms);
  out.put(static_cast<uint32_t>(footer.sort_by.size()));
  for (const std::string& name : footer.sort_by) out.put(name);
  out.put(static_cast<uint32_t>(footer.columns.size()));
  for (const ColumnFooter& column : footer.columns) put(out, column);
  out.put(static_cast<uint8_t>(footer.rollup.has_value()));
  if (footer.rollup) put(out, *footer.rollup);
  out.put(static_cast<uint32_t>(footer.cubes.size()));
  for (const CubeFooter& cube : footer.cubes) put(out, cube);
  return bytes;
}

std::string encode_trailer(const Trailer& trailer) {
  std::string bytes;
  FieldWriter out(bytes);
  out.put(trailer.footer_offset);
  out.put(trailer.footer_length);
  out.put(trailer.version);
  out.put(trailer.footer_checksum);
  out.put(trailer.file_length);
  bytes.append(kSegmentMagic, 8);
  return bytes;
}

Result<uint32_t> check_header(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, 8) != kSegmentMagic) {
    return damaged("not a segment file");
  }
  FieldReader in(bytes.substr(8));
  uint32_t version = in.take<uint32_t>();
  if (!is_known(version)) {
    return Error{ErrorCode::kUnsupported,
                 "segment file of unknown version " + std::to_string(version)};
  }
  if (bytes.substr(0, kHeaderBytes) != header_of(version)) {
    return damaged("damaged header");
  }
  return version;
}

Result<Trailer> decode_trailer(std::string_view bytes, uint64_t file_size) {
  if (bytes.size() != kTrailerBytes || bytes.substr(32) != kSegmentMagic) {
    return damaged("file has no end mark (cut short?)");
  }
  FieldReader in(bytes);
  Trailer trailer;
  trailer.footer_offset = in.number();
  trailer.footer_length = in.take<uint32_t>();
  trailer.version = in.take<uint32_t>();
  trailer.footer_checksum = in.number();
  trailer.file_length = in.number();
  if (!is_known(trailer.version)) {
    return damaged("version of header and trailer differ");
  }
  if (trailer.file_length != file_size) {
    return damaged("file has " + std::to_string(file_size) +
                   " bytes, its trailer says " +
                   std::to_string(trailer.file_length));
  }
  if (trailer.footer_length > file_size - kTrailerBytes ||
      trailer.footer_offset !=
          file_size - kTrailerBytes - trailer.footer_length ||
      trailer.footer_offset < kHeaderBytes) {
    return damaged("wrong place of the footer");
  }
  return trailer;
}

Result<Footer> decode_footer(std::string_view bytes, const Trailer& trailer) {
  if (checksum_of(bytes) != trailer.footer_checksum) {
    return damaged("checksum of the footer differs");
  }
  FieldReader in(bytes);
  Footer footer;
  footer.id = in.text();
  footer.num_rows = in.take<uint32_t>();
  footer.time_range.start.ms = in.signed_number();
  footer.time_range.end.ms = in.signed_number();
  for (uint32_t n = in.take<uint32_t>(); n > 0 && in.valid(); --n) {
    footer.sort_by.push_back(in.text());
  }
  for (uint32_t n = in.take<uint32_t>(); n > 0 && in.valid(); --n) {
    footer.columns.push_back(take_column(in));
  }
  bool rolled = trailer.version > 1 && in.take<uint8_t>() != 0;
  if (rolled) {
    TRY_ASSIGN(footer.rollup, take_rollup(in, footer.columns));
  }
  if (trailer.version > 1 || in.rest() > sizeof(footer.content_hash)) {
    for (uint32_t n = in.take<uint32_t>(); n > 0 && in.valid(); --n) {
      TRY_ASSIGN(CubeFooter cube, take_cube(in));
      footer.cubes.push_back(std::move(cube));
    }
  }
  footer.content_hash = in.number();
  if (!in.complete() || footer.columns.empty()) {
    return damaged("damaged footer");
  }
  for (const ColumnFooter& column : footer.columns) {
    TRY(check_column(column, footer.columns, footer.num_rows,
                     trailer.footer_offset));
  }
  if (footer.rollup) TRY(check_rollup(footer));
  for (const CubeFooter& cube : footer.cubes) {
    TRY(check_cube(cube, footer, trailer.footer_offset));
  }
  return footer;
}

}  // namespace freshet
