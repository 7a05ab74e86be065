#include "segments/metadata_records.h"

#include <charconv>
#include <cstring>
#include <vector>

#include "segments/byte_fields.h"

namespace freshet {
namespace {

constexpr char kVersion = 1;
// 1 had no sequence, 2 no rollup.
constexpr char kSegmentRecordVersion = 3;

Status check_version(std::string_view key, std::string_view bytes,
                     char newest = kVersion) {
  if (bytes.empty()) {
    return Error{ErrorCode::kCorrupt,
                 "empty metadata record: " + std::string(key)};
  }
  if (bytes[0] >= kVersion && bytes[0] <= newest) return {};
  int version = static_cast<unsigned char>(bytes[0]);
  return Error{ErrorCode::kUnsupported, "metadata record of unknown version " +
                                            std::to_string(version) + ": " +
                                            std::string(key)};
}

// The number that an id ends in: ids were given in order of arrival.
uint64_t number_of(std::string_view id) {
  uint64_t number = 0;
  id.remove_prefix(id.rfind('_') + 1);  // 0 if there is none
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

Error damaged(std::string_view key) {
  return Error{ErrorCode::kCorrupt,
               "damaged metadata record: " + std::string(key)};
}

}  // namespace

std::string encode_segment_record(const SegmentRecord& record) {
  std::string out(1, kSegmentRecordVersion);
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
  fields.put(record.sequence);
  fields.put(record.rollup);
  return out;
}

Result<SegmentRecord> decode_segment_record(std::string_view key,
                                            std::string_view bytes) {
  TRY(check_version(key, bytes, kSegmentRecordVersion));
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
  record.sequence =
      bytes[0] == kVersion ? number_of(record.id) : fields.number();
  if (bytes[0] >= 3) record.rollup = fields.text();
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

std::string encode_hidden(const Bitmap& rows) {
  std::string out(1 + rows.frozen_size(), kVersion);
  rows.write_frozen(out.data() + 1);
  return out;
}

Result<Bitmap> decode_hidden(std::string_view key, std::string_view bytes) {
  TRY(check_version(key, bytes));
  bytes.remove_prefix(1);
  struct alignas(32) Line {
    char bytes[32];
  };
  std::vector<Line> aligned(bytes.size() / sizeof(Line) + 1);
  char* copy = aligned[0].bytes;
  std::memcpy(copy, bytes.data(), bytes.size());
  auto view = Bitmap::frozen_view({copy, bytes.size()});
  if (!view || view->empty()) return damaged(key);
  return view->clone();
}

}  // namespace freshet
