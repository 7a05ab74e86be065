// AvroSchema: an Avro schema (specification 1.11) made ready for reading.
// Immutable; published as shared_ptr<const>.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/event_tree.h"
#include "segments/result.h"

namespace freshet {

struct AvroType {
  enum class Kind : uint8_t {
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kRecord,
    kEnum,
    kArray,
    kMap,
    kUnion,
    kFixed
  };
  Kind kind = Kind::kNull;
  EventNode::Meaning meaning = EventNode::Meaning::kPlain;
  int8_t scale = 0;                // of a decimal
  uint32_t size = 0;               // bytes of a fixed
  std::vector<uint32_t> types;     // of fields, branches, elements
  std::vector<std::string> names;  // of fields, symbols
};

class AvroSchema {
 public:
  // The schema in `text`, which may use the types that `references` define,
  // each of which may use those before it. kInvalid says what is wrong.
  static Result<std::shared_ptr<const AvroSchema>> parse(
      std::string_view text, std::span<const std::string> references = {});

  const AvroType& type(uint32_t number) const { return types_[number]; }
  const AvroType& root() const { return types_[root_]; }

 private:
  friend class AvroSchemaParser;
  std::vector<AvroType> types_;
  uint32_t root_ = 0;
};

}  // namespace freshet
