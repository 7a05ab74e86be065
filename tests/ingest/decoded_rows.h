// What a decoder makes of messages, as text to compare.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "ingest/decoder.h"

namespace freshet {

struct TestColumn {
  const char* name;
  ColumnKind kind;
  uint8_t scale = 0;
};

// Columns read from members of the same name, after __time from "ts".
inline DecoderSpec spec_of(const std::vector<TestColumn>& columns) {
  auto schema = std::make_shared<Schema>();
  schema->columns.push_back({"__time", {ColumnKind::kTimestamp, 0}, false});
  DecoderSpec spec;
  for (const TestColumn& column : columns) {
    FieldSpec field;
    field.column = schema->columns.size();
    field.path = column.name;
    spec.fields.push_back(std::move(field));
    schema->columns.push_back(
        {column.name, {column.kind, column.scale}, false});
  }
  spec.schema = std::move(schema);
  return spec;
}

struct DecodedRows {
  std::unique_ptr<Decoder> decoder;
  ColumnBatch batch;
  Decoded decoded;

  explicit DecodedRows(const DecoderSpec& spec) : batch(spec.schema) {
    auto made = make_decoder(spec);
    if (!made) FAIL(made.error().message);
    decoder = std::move(*made);
  }
  void decode_messages(const std::vector<RawMessage>& messages) {
    batch.clear();
    decoded.clear();
    decoder->decode(messages, batch, decoded);
    REQUIRE(decoded.row_messages.size() == batch.num_rows());
    for (const ColumnBuffer& column : batch.columns()) {
      REQUIRE(column.nulls.size() == batch.num_rows());
      size_t nulls = 0;
      for (uint8_t null : column.nulls) nulls += null;
      REQUIRE(column.num_nulls == nulls);
    }
  }
  void decode(const std::vector<std::string>& values) {
    texts_ = values;
    std::vector<RawMessage> messages(texts_.size());
    for (size_t i = 0; i < texts_.size(); ++i) messages[i].value = texts_[i];
    decode_messages(messages);
  }
  // Cells joined by '|', "-" for null; deletes begin with "delete ".
  std::vector<std::string> text() const {
    std::vector<std::string> rows;
    for (size_t row = 0; row < batch.num_rows(); ++row) {
      std::string line =
          decoded.operation(row) == RowOperation::kDelete ? "delete " : "";
      for (size_t c = 0; c < batch.columns().size(); ++c) {
        if (c > 0) line += "|";
        line += cell(row, c);
      }
      rows.push_back(line);
    }
    return rows;
  }
  // "MESSAGE REASON TEXT"
  std::vector<std::string> rejections() const {
    std::vector<std::string> all;
    for (const Rejection& r : decoded.rejections) {
      all.push_back(fmt::format("{} {} {}", r.message, r.reason, r.text));
    }
    return all;
  }

 private:
  std::string cell(size_t row, size_t c) const {
    const ColumnBuffer& column = batch.columns()[c];
    if (column.nulls[row]) return "-";
    switch (batch.schema().columns[c].type.kind) {
      case ColumnKind::kString:
        return std::string(column.strings[row]);
      case ColumnKind::kDouble:
        return fmt::format("{}", column.doubles[row]);
      default:
        return std::to_string(column.longs[row]);
    }
  }
  std::vector<std::string> texts_;
};

}  // namespace freshet
