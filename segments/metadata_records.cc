#include "segments/metadata_records.h"

#include "segments/byte_fields.h"

namespace freshet {
namespace {

constexpr char kVersion = 1;

Status check_version(std::string_view key, std::string_view bytes) {
  if (bytes.empty()) {
    return Error{ErrorCode::kCorrupt,
                 "empty metadata record: " + std::string(key)};
  }
  if (bytes[0] == kVersion) return {};
  int version = static_cast<unsigned char>(bytes[0]);
  return Error{ErrorCode::kUnsupported, "metadata record of unknown version " +
                                            std::to_string(version) + ": " +
                                            std::string(key)};
}

Error damaged(std::string_view key) {
  return Error{ErrorCode::kCorrupt,
               "damaged metadata record: " + std::string(key)};
}

}  // namespace

std::string encode_segment_record(const SegmentRecord& record) {
  std::string out(1, kVersion);
  FieldWriter fields(out);
  fields.put(record.id);
  fields.put(record.file);
  fields.put(record.bytes);
  fields.put(record.content_hash);
  fields.put(uint64_t{record.num_rows});
  fields.put(record.time_range.start.ms);
  fields.put(record.time_range.end.ms);
  fields.put(record.granule.start.ms);
  fields.put(record.granule.end.ms);
  return out;
}

Result<SegmentRecord> decode_segment_record(std::string_view key,
                                            std::string_view bytes) {
  TRY(check_version(key, bytes));
  FieldReader fields(bytes.substr(1));
  SegmentRecord record;
  record.id = fields.text();
  record.file = fields.text();
  record.bytes = fields.number();
  record.content_hash = fields.number();
  record.num_rows = static_cast<uint32_t>(fields.number());
  record.time_range.start.ms = fields.signed_number();
  record.time_range.end.ms = fields.signed_number();
  record.granule.start.ms = fields.signed_number();
  record.granule.end.ms = fields.signed_number();
  if (!fields.complete()) return damaged(key);
  return record;
}

std::string encode_offset_record(const OffsetRecord& record) {
  std::string out(1, kVersion);
  FieldWriter fields(out);
  fields.put(record.next);
  fields.put(record.last_offset);
  fields.put(record.last_hash);
  fields.put(record.last_time_ms);
  return out;
}

Result<OffsetRecord> decode_offset_record(std::string_view key,
                                          std::string_view bytes) {
  TRY(check_version(key, bytes));
  FieldReader fields(bytes.substr(1));
  OffsetRecord record;
  record.next = fields.signed_number();
  record.last_offset = fields.signed_number();
  record.last_hash = fields.number();
  record.last_time_ms = fields.signed_number();
  if (!fields.complete()) return damaged(key);
  return record;
}

}  // namespace freshet
