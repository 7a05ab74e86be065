// Decoders of change data capture: rows of a database table and what became of
// them. A delete becomes a row with RowOperation::kDelete, see Decoded.
#pragma once

#include <memory>

#include "ingest/decoder.h"

namespace freshet {

// Debezium's envelope, in JSON with or without Connect's schema around it, or
// in Avro; the flattened form too, if it has __op or __deleted. Paths start in
// the row; "$.source.ts_ms" starts in the envelope.
// - c, u, r (create, update, snapshot read): the row as it is after.
// - d: a delete of the row before, whose time is the database's if the row has
//   none. The tombstone behind it is passed over.
// - m (message): passed over. t (truncate) is rejected with the reason
//   "truncate": the rows stay, and a person should know.
// Decimals are base64 of their units (`precise`), at the scale that the schema
// says or else the column's; spec.decimals "string" reads them as text. Times
// are what the schema says; without one, what the column's `format` says. A
// value that was left out (TOAST) is a kept cell, see KeptCells.
Result<std::unique_ptr<Decoder>> make_debezium_decoder(DecoderSpec spec);

// AWS DMS: {"data", "metadata", "before-image"}. Control records are passed
// over, but for those that take a table's rows away: truncate-table and
// drop-table (with which a full load may begin) are rejected with the reason
// "truncate": the rows stay, and a person should know. An update whose
// before-image has another key (spec.key) deletes the row of the old key first.
Result<std::unique_ptr<Decoder>> make_dms_decoder(DecoderSpec spec);

}  // namespace freshet
