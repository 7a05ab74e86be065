#include "ingest/decoder.h"

#include <algorithm>

#include "ingest/change_events.h"
#include "ingest/csv.h"
#include "ingest/xml_decoder.h"

namespace freshet {

void Decoder::decode(std::span<const std::string_view> values,
                     ColumnBatch& batch, Decoded& decoded) {
  wrapped_.assign(values.size(), {});
  for (size_t i = 0; i < values.size(); ++i) wrapped_[i].value = values[i];
  decode(wrapped_, batch, decoded);
}

Status Decoder::decode(std::string_view value, ColumnBatch& batch) {
  Decoded decoded;
  decode(std::span(&value, 1), batch, decoded);
  if (decoded.rejections.empty()) return {};
  Rejection& rejection = decoded.rejections[0];
  bool large = std::string_view(rejection.reason) == "too_large";
  return Error{large ? ErrorCode::kLimit : ErrorCode::kInvalid,
               std::move(rejection.text)};
}

namespace {

// Whether the paths say more than the fast decoder knows.
bool needs_tree(const DecoderSpec& spec) {
  auto special = [](const std::string& path) {
    return path.find('[') != std::string::npos || path.starts_with("$.");
  };
  return !spec.explode.empty() || special(spec.time.path) ||
         std::ranges::any_of(
             spec.fields, [&](const FieldSpec& f) { return special(f.path); });
}

}  // namespace

Result<std::unique_ptr<Decoder>> make_decoder(DecoderSpec spec) {
  if (spec.format == "csv") return make_csv_stream_decoder(std::move(spec));
  if (spec.format == "xml") return make_xml_decoder(std::move(spec));
  if (spec.format == "avro") return make_avro_decoder(std::move(spec));
  if (spec.format == "debezium") return make_debezium_decoder(std::move(spec));
  if (spec.format == "dms") return make_dms_decoder(std::move(spec));
  if (spec.format != "json") {
    return invalid("not a format of events: " + spec.format);
  }
  if (needs_tree(spec)) return make_json_tree_decoder(std::move(spec));
  return make_json_decoder(std::move(spec));
}

}  // namespace freshet
