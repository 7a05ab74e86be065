#include "ingest/lookup_rows.h"

#include <bit>

#include "segments/byte_fields.h"
#include "segments/column_widening.h"

namespace freshet {
namespace {

constexpr uint8_t kNullValue = 0, kGivenValue = 1;

}  // namespace

std::string encode_lookup_row(const ColumnBatch& batch, uint32_t row) {
  std::string bytes;
  FieldWriter out(bytes);
  const Schema& schema = batch.schema();
  for (size_t c = 1; c < schema.columns.size(); ++c) {
    const ColumnBuffer& column = batch.columns()[c];
    out.put(column.nulls[row] ? kNullValue : kGivenValue);
    if (column.nulls[row]) continue;
    switch (schema.columns[c].type.kind) {
      case ColumnKind::kString:
        out.put(column.strings[row]);
        break;
      case ColumnKind::kDouble:
        out.put(std::bit_cast<uint64_t>(column.doubles[row]));
        break;
      default:
        out.put(column.longs[row]);
    }
  }
  return bytes;
}

Status decode_lookup_row(std::string_view bytes, ColumnBatch& batch) {
  FieldReader in(bytes);
  const Schema& schema = batch.schema();
  for (size_t c = 1; c < schema.columns.size() && in.valid(); ++c) {
    uint8_t given = in.take<uint8_t>();
    if (given == kNullValue) continue;
    switch (schema.columns[c].type.kind) {
      case ColumnKind::kString:
        batch.set_string(c, batch.keep(in.text()));
        break;
      case ColumnKind::kDouble:
        batch.set_double(c, std::bit_cast<double>(in.number()));
        break;
      default:
        batch.set_long(c, in.signed_number());
    }
    if (given == kGivenValue) continue;
    batch.abandon_row();
    return Error{ErrorCode::kCorrupt,
                 "not a row of the lookup: a value begins with " +
                     std::to_string(given)};
  }
  if (!in.complete()) {
    batch.abandon_row();
    return Error{ErrorCode::kCorrupt,
                 "not a row of the lookup, by its length: " +
                     std::to_string(bytes.size())};
  }
  batch.commit_row();
  return {};
}

std::optional<std::string> lookup_row_key(const ColumnBatch& batch, size_t key,
                                          uint32_t row) {
  const ColumnBuffer& column = batch.columns()[key];
  if (column.nulls[row]) return std::nullopt;
  if (batch.schema().columns[key].type.kind == ColumnKind::kString) {
    return std::string(column.strings[row]);
  }
  return std::to_string(column.longs[row]);
}

void copy_lookup_value(const ColumnBatch& from, size_t from_column,
                       uint32_t row, size_t column, ColumnBatch& to) {
  const ColumnBuffer& source = from.columns()[from_column];
  const ColumnType was = from.schema().columns[from_column].type;
  const ColumnType now = to.schema().columns[column].type;
  if (source.nulls[row] || !may_become(was, now)) return;
  if (now.kind == ColumnKind::kString) {
    to.set_string(column, to.keep(source.strings[row]));
  } else if (was.kind == ColumnKind::kDouble) {
    to.set_double(column, source.doubles[row]);
  } else if (now.kind == ColumnKind::kDouble) {
    to.set_double(column, widened_double(source.longs[row], was));
  } else if (auto units = widened_units(source.longs[row], was, now)) {
    to.set_long(column, *units);
  }
}

}  // namespace freshet
