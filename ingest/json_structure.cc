#include "ingest/json_structure.h"

#include <simdjson.h>

#include <algorithm>

#include "ingest/padded_blocks.h"

namespace freshet {
namespace {

constexpr size_t kCapacity = 1 << 17;
constexpr size_t kLargeCapacity = 1 << 20;

static_assert(PaddedBlocks::kPadding >= simdjson::SIMDJSON_PADDING);

}  // namespace

// The packaged library chooses its instructions at run time, unlike the
// on-demand interface, which is compiled into its callers.
struct JsonStructure::Parser {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stages;
  size_t capacity = 0;

  simdjson::error_code reserve(size_t size) {
    bool shrink = capacity > kLargeCapacity && size <= kCapacity;
    if (size <= capacity && !shrink) return simdjson::SUCCESS;
    capacity = std::max(size, kCapacity);
    if (stages != nullptr) return stages->set_capacity(capacity);
    return simdjson::get_active_implementation()
        ->create_dom_parser_implementation(capacity, 1, stages);
  }
};

JsonStructure::JsonStructure() : parser_(std::make_unique<Parser>()) {}
JsonStructure::~JsonStructure() = default;

const char* JsonStructure::find(const char* text, size_t size) {
  auto error = parser_->reserve(size);
  if (error == simdjson::SUCCESS) {
    error = parser_->stages->stage1(reinterpret_cast<const uint8_t*>(text),
                                    size, simdjson::stage1_mode::regular);
  }
  return error == simdjson::SUCCESS ? nullptr : simdjson::error_message(error);
}

const uint32_t* JsonStructure::places() const {
  return parser_->stages->structural_indexes.get();
}

bool JsonStructure::unescape(std::string_view raw, std::string_view& text) {
  size_t needed = raw.size() + PaddedBlocks::kPadding;
  if (unescaped_.size() < needed) unescaped_.resize(needed);
  auto* begin = reinterpret_cast<uint8_t*>(unescaped_.data());
  const uint8_t* end = parser_->stages->parse_string(
      reinterpret_cast<const uint8_t*>(raw.data()), begin);
  if (end == nullptr) return false;
  text = {unescaped_.data(), static_cast<size_t>(end - begin)};
  return true;
}

}  // namespace freshet
