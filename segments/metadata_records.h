// Bytes of the records that MetadataStore keeps. First byte: version of the
// record's form; then the fields in order, integers as 8 bytes little-endian,
// texts as a 4-byte length and the bytes. Nothing may follow.
#pragma once

#include <string>
#include <string_view>

#include "segments/metadata_store.h"

namespace freshet {

std::string encode_segment_record(const SegmentRecord& record);
std::string encode_offset_record(const OffsetRecord& record);

// kUnsupported for a version this program does not know, kCorrupt for bytes
// that are not a record; the message names `key`.
Result<SegmentRecord> decode_segment_record(std::string_view key,
                                            std::string_view bytes);
Result<OffsetRecord> decode_offset_record(std::string_view key,
                                          std::string_view bytes);

// Hidden rows: after the version the frozen form of the bitmap (FORMAT.md,
// "Index").
std::string encode_hidden(const Bitmap& rows);
Result<Bitmap> decode_hidden(std::string_view key, std::string_view bytes);

}  // namespace freshet
