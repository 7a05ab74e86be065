#include "ingest/decoder.h"

namespace freshet {

Status Decoder::decode(std::string_view message, ColumnBatch& batch) {
  std::vector<uint32_t> row_messages;
  std::vector<Rejection> rejections;
  decode(std::span(&message, 1), batch, row_messages, rejections);
  if (rejections.empty()) return {};
  bool large = std::string_view(rejections[0].reason) == "too_large";
  return Error{large ? ErrorCode::kLimit : ErrorCode::kInvalid,
               std::move(rejections[0].text)};
}

}  // namespace freshet
