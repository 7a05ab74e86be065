// The body of POST /ingest/{dataset} as events, and what would become of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/decoder.h"
#include "server/api/ingestion_service.h"

namespace freshet {

struct IncomingEvents {
  std::vector<std::string_view> events;    // as the log or topic holds them
  std::unique_ptr<std::string> converted;  // their text, when not the body
  // Where in the body each begins; empty: they are told by their number.
  std::vector<size_t> begins;
  std::string_view body;
  // By place among `events`: what is wrong with it in the body's own terms.
  std::map<size_t, std::string> faults;
};

// Splits a body: JSON lines, a JSON array or one object; CSV with a header
// line when `content_type` is text/csv (each line becomes a JSON object of
// strings, or a record of the spec's fields if its format is CSV; one that is
// not CSV, or has not the fields of the header, becomes a dead letter).
// kInvalid if it is none of them, kUnsupported if it is of another content
// type. `body` must outlive the result.
Result<IncomingEvents> read_events(const DecoderSpec& spec,
                                   std::string_view content_type,
                                   std::string_view body);

// Decodes and transforms every event to tell which will be rows (or filtered)
// and which dead letters.
Result<AcceptedEvents> check_events(const IngestionSettings& settings,
                                    const IncomingEvents& incoming);

}  // namespace freshet
