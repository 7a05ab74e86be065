// CSV (RFC 4180): comma (or tab or another delimiter), quotes doubled inside
// quotes, LF or CRLF, line ends allowed inside quotes, a header line that names
// the fields, or their names from elsewhere.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/decoder.h"

namespace freshet {

// `record` without the LF or CRLF at its end.
std::string_view without_line_end(std::string_view record);

// Position behind the record that starts at `from` and its line end. A quote
// opens a field only at its beginning. A record whose quote is broken, since
// text follows the closing one or none comes, ends at its first line end: only
// that line is at fault, not what follows. npos if that takes more text, which
// is so only where `whole` is false: more may follow behind `text`.
size_t csv_record_end(std::string_view text, size_t from, char delimiter,
                      bool whole);

// The fields of one record (with or without its line end). An empty field
// without quotes is a null. kInvalid for a stray or missing quote.
struct CsvField {
  std::string_view text;  // into the record, or into `unquoted`
  bool null = false;
};
Status split_csv_record(std::string_view record, std::vector<CsvField>& fields,
                        std::vector<std::string>& unquoted,
                        char delimiter = ',');

// The fields of a header line, trimmed. kInvalid if it is malformed or names
// one twice.
Result<std::vector<std::string>> csv_header(std::string_view header,
                                            char delimiter = ',');

// kInvalid for a header that cannot be one of the spec's: it names none of its
// columns, or its time alone. Then it is most likely the first record of what
// has no header, or the delimiter is another. `what` and `dataset` are for the
// message: "the header of a.csv", "the dataset sales".
Status check_csv_header(const std::vector<std::string>& header,
                        const DecoderSpec& spec, std::string_view what,
                        std::string_view dataset);

// A message is one record. The paths of the spec are looked up in `header`
// as they stand ("item.sku" is the header "item.sku"). kInvalid if the header
// is malformed or names a field twice. Rejects as the JSON decoder does, with
// "not_csv" instead of "not_json". The delimiter is spec.csv_delimiter.
Result<std::unique_ptr<Decoder>> make_csv_decoder(DecoderSpec spec,
                                                  std::string_view header);

// The same for a stream, whose messages have no header: spec.csv_fields names
// the fields. A message holds one record or several; if one is at fault, none
// becomes a row.
Result<std::unique_ptr<Decoder>> make_csv_stream_decoder(DecoderSpec spec);

// The records of a body after its header line, as events of a log.
struct CsvEvents {
  std::vector<std::string> header;  // empty if the body is
  std::vector<std::string> events;
  std::vector<size_t> begins;  // where in the body the record of each begins
  // By place among `events`: why a record is none of the header's. Its event
  // is header and record as they came, which no decoder takes.
  std::vector<std::pair<size_t, std::string>> faults;
};

// Each record as a JSON object with text members (nothing for a null), for
// POST /ingest, since a log holds JSON. A field named as one of `paths` is
// where that path leads: "item.sku" is the member sku of item. kInvalid: the
// header is at fault.
Result<CsvEvents> csv_to_json_events(std::string_view body,
                                     const std::vector<std::string>& paths);

// Each record as a record of the fields `names`, for a log that holds CSV.
// Fields the header lacks are null, others are left out.
Result<CsvEvents> csv_to_records(std::string_view body,
                                 const std::vector<std::string>& names,
                                 char delimiter);

}  // namespace freshet
