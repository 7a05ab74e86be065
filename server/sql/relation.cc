#include "server/sql/relation.h"

#include <fmt/core.h>

#include <algorithm>

#include "segments/live_segment.h"
#include "server/query/free_later.h"

namespace freshet {
namespace {

constexpr size_t kBatchRows = 4096;

ColumnType column_type(ExpressionType type) {
  switch (type.type) {
    case ValueType::kBool:
      return {ColumnKind::kBool};
    case ValueType::kLong:
      return {ColumnKind::kLong};
    case ValueType::kDouble:
      return {ColumnKind::kDouble};
    case ValueType::kDecimal:
      if (type.scale > 18) return {ColumnKind::kDouble};
      return {ColumnKind::kDecimal, type.scale};
    case ValueType::kTimestamp:
      return {ColumnKind::kTimestamp};
    case ValueType::kString:
    case ValueType::kNull:
      break;
  }
  return {ColumnKind::kString};
}

// Units of `value` at `scale`; nothing when they do not fit.
std::optional<__int128> units_at(const Value& value, int scale) {
  Decimal d;
  if (const Decimal* decimal = value.as_decimal()) d = *decimal;
  if (const int64_t* number = value.as_long()) d = Decimal{*number, 0};
  if (d.scale > scale) return std::nullopt;
  __int128 units = d.units;
  for (int s = d.scale; s < scale; ++s) {
    if (__builtin_mul_overflow(units, __int128{10}, &units)) {
      return std::nullopt;
    }
  }
  return units;
}

bool is_narrow(__int128 units) { return units == static_cast<int64_t>(units); }

// Whether `test` holds for a row. Fails as `control`, if given, does.
template <class Test>
Result<bool> any_row(const ValueRows& rows, const QueryControl* control,
                     Test test) {
  bool found = false;
  TRY(in_runs(rows.size(), control, [&](size_t begin, size_t count) {
    for (size_t i = begin; i < begin + count && !found; ++i) {
      found = test(rows[i]);
    }
  }));
  return found;
}

// Whether a decimal column's values need more than 64 bits.
Result<bool> is_wide(const QueryResult& result, size_t c,
                     const QueryControl* control) {
  const ColumnType type = column_type(result.columns[c].type);
  if (type.kind != ColumnKind::kDecimal) return false;
  return any_row(result.rows, control, [&](const auto& row) {
    auto units = units_at(row[c], type.scale);
    return !units || !is_narrow(*units);
  });
}

// A column of decimals as two of longs.
Status set_halves(ColumnBatch& batch, size_t column, int scale,
                  const Value& value) {
  if (value.is_null()) return {};
  auto units = units_at(value, scale);
  if (!units) {
    return Error{
        ErrorCode::kLimit,
        "a decimal of a sub-query has more than 38 digits: " + value.to_text()};
  }
  batch.set_long(column, static_cast<int64_t>(*units >> 64));
  batch.set_long(column + 1, static_cast<int64_t>(*units));
  return {};
}

void set_value(ColumnBatch& batch, size_t column, ColumnType type,
               const Value& value) {
  if (value.is_null()) return;
  switch (type.kind) {
    case ColumnKind::kString:
      batch.set_string(column, value.as_string()
                                   ? batch.keep(*value.as_string())
                                   : batch.keep(value.to_text()));
      return;
    case ColumnKind::kDouble:
      batch.set_double(column, value.to_double());
      return;
    case ColumnKind::kDecimal:  // see is_wide()
      batch.set_long(column,
                     static_cast<int64_t>(*units_at(value, type.scale)));
      return;
    case ColumnKind::kLong:
      if (value.as_long()) batch.set_long(column, *value.as_long());
      return;
    case ColumnKind::kBool:
      if (value.as_bool()) batch.set_long(column, *value.as_bool() ? 1 : 0);
      return;
    case ColumnKind::kTimestamp:
      if (value.as_timestamp()) {
        batch.set_long(column, value.as_timestamp()->ms);
      }
      return;
  }
}

// The result column that can be the segment's own __time.
Result<std::optional<size_t>> time_column(const QueryResult& result,
                                          const QueryControl* control) {
  for (size_t c = 0; c < result.columns.size(); ++c) {
    if (result.columns[c].name != kTimeColumn ||
        result.columns[c].type.type != ValueType::kTimestamp) {
      continue;
    }
    TRY_ASSIGN(bool lacks, any_row(result.rows, control, [&](const auto& row) {
                 return !row[c].as_timestamp();
               }));
    if (!lacks) return std::optional(c);
  }
  return std::optional<size_t>();
}

VisibleColumn visible_column(std::string name, std::string physical) {
  VisibleColumn out;
  out.name = std::move(name);
  out.physical = std::move(physical);
  return out;
}

DatasetSnapshot snapshot_of(std::shared_ptr<const Schema> schema,
                            std::shared_ptr<const LiveSegment> segment) {
  auto timeline = std::make_shared<Timeline>();
  timeline->live.push_back(std::move(segment));
  DatasetSnapshot out;
  out.schema = std::move(schema);
  out.timeline = std::move(timeline);
  return out;
}

// The same segment, which waits for nobody when it is freed.
std::shared_ptr<LiveSegment> freed_later(std::shared_ptr<LiveSegment> segment,
                                         size_t rows) {
  if (rows < kFreedLaterRows) return segment;
  LiveSegment* made = segment.get();
  return {made, [owner = std::move(segment)](LiveSegment*) mutable {
            free_in_background(owner);
          }};
}

}  // namespace

Relation dataset_relation(std::string name, DatasetSnapshot data) {
  Relation out;
  for (const ColumnSpec& spec : data.schema->columns) {
    out.columns.push_back(visible_column(spec.name, spec.name));
  }
  out.dataset = name;
  out.name = std::move(name);
  out.data = std::move(data);
  return out;
}

Result<Relation> relation_of_rows(QueryResult result,
                                  const QueryControl* control) {
  Relation out;
  auto schema = std::make_shared<Schema>();
  schema->columns.push_back(
      {std::string(kTimeColumn), {ColumnKind::kTimestamp}});
  TRY_ASSIGN(const std::optional<size_t> time, time_column(result, control));
  std::vector<size_t> places;  // in the schema, of each result column
  for (size_t c = 0; c < result.columns.size(); ++c) {
    ColumnType type = column_type(result.columns[c].type);
    places.push_back(time == c ? 0 : schema->columns.size());
    std::string physical =
        time == c ? std::string(kTimeColumn) : fmt::format("c{}", c);
    out.columns.push_back(visible_column(result.columns[c].name, physical));
    TRY_ASSIGN(const bool wide, is_wide(result, c, control));
    if (wide) {
      schema->columns.push_back({physical, {ColumnKind::kLong}});
      schema->columns.push_back({physical + "_low", {ColumnKind::kLong}});
      out.columns.back().computed =
          call("wide_decimal", {column(physical), column(physical + "_low"),
                                literal(Value(int64_t{type.scale}))});
    } else if (time != c) {
      schema->columns.push_back({physical, type});
    }
  }
  // Without a name: what queries find in it is not kept for others.
  const auto segment = freed_later(LiveSegment::create("", schema, Interval{}),
                                   result.rows.size());
  ColumnBatch batch(schema);
  for (const auto& row : result.rows) {
    if (!time) batch.set_long(0, 0);
    for (size_t c = 0; c < places.size(); ++c) {
      const size_t place = places[c];
      if (out.columns[c].computed) {
        TRY(set_halves(batch, place, result.columns[c].type.scale, row[c]));
      } else {
        set_value(batch, place, schema->columns[place].type, row[c]);
      }
    }
    batch.commit_row();
    if (batch.num_rows() == kBatchRows) {
      segment->append(batch);
      batch.clear();
      if (control) TRY(control->check());
    }
  }
  if (batch.num_rows() > 0) segment->append(batch);
  segment->freeze();
  out.data = snapshot_of(schema, segment);
  return out;
}

Relation unit_relation() {
  QueryResult one_row;
  one_row.rows.emplace_back();
  return *relation_of_rows(std::move(one_row));
}

}  // namespace freshet
