// XML messages: each is a document, whose records (spec.record) become rows.
#pragma once

#include <memory>
#include <string>

#include "ingest/decoder.h"
#include "ingest/event_tree.h"

namespace freshet {

// Paths start in the record ("qty", "price.@currency", a child element or an
// attribute "@id"); with "$." inside the root element ("$.date", "$.@store").
// spec.explode makes rows of repeated elements of a record. A document at fault
// becomes no row. See xml_records.h for what is read and what is refused.
Result<std::unique_ptr<Decoder>> make_xml_decoder(DecoderSpec spec);

// A record as a JSON object, and what stands around it as its first member
// "$", for files, whose records become messages one by one.
std::string xml_record_json(const EventTree& record, const EventTree& around);
// Reads the messages that xml_record_json writes, with the paths of
// make_xml_decoder.
Result<std::unique_ptr<Decoder>> make_xml_record_decoder(DecoderSpec spec);

}  // namespace freshet
