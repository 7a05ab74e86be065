#include "ingest/avro_reader.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "ingest/decimal_bytes.h"
#include "ingest/field_value.h"

namespace freshet {

using Kind = AvroType::Kind;
using NodeKind = EventNode::Kind;
using Meaning = EventNode::Meaning;

bool AvroReader::read(const AvroSchema& schema, std::string_view bytes,
                      EventTree& tree) {
  schema_ = &schema;
  tree_ = &tree;
  rest_ = bytes;
  values_ = 0;
  if (!value(schema.root(), {})) return false;
  if (rest_.empty()) return true;
  return fail(fmt::format("{} bytes behind its end", rest_.size()));
}

bool AvroReader::value(const AvroType& type, std::string_view name) {
  if (++values_ > kMaxValues) {
    return fail(fmt::format("it has more than {} values", kMaxValues));
  }
  if (tree_->depth() > kMaxDepth) {
    return fail(fmt::format("it is nested deeper than {}", kMaxDepth));
  }
  int64_t number = 0;
  switch (type.kind) {
    case Kind::kNull:
      tree_->leaf(NodeKind::kNull, name, {});
      return true;
    case Kind::kBoolean: {
      std::string_view byte;
      if (!take(1, byte)) return false;
      if (byte[0] != 0 && byte[0] != 1) return fail("a boolean is not 0 or 1");
      tree_->leaf(NodeKind::kBare, name, byte[0] ? "true" : "false");
      return true;
    }
    case Kind::kInt:
    case Kind::kLong:
      return integer(type, name);
    case Kind::kFloat:
      return real<float>(name);
    case Kind::kDouble:
      return real<double>(name);
    case Kind::kBytes:
      if (!read_long(number)) return false;
      if (number < 0) return fail("a length is negative");
      return raw(type, static_cast<size_t>(number), name);
    case Kind::kFixed:
      return raw(type, type.size, name);
    case Kind::kString:
      return text(name);
    case Kind::kRecord:
      return record(type, name);
    case Kind::kEnum:
      if (!read_long(number)) return false;
      if (number < 0 || static_cast<size_t>(number) >= type.names.size()) {
        return fail(fmt::format("an enum has no symbol {}", number));
      }
      tree_->leaf(NodeKind::kText, name,
                  type.names[static_cast<size_t>(number)]);
      return true;
    case Kind::kArray:
      return array(type, name);
    case Kind::kMap:
      return map(type, name);
    case Kind::kUnion:
      break;
  }
  if (!read_long(number)) return false;
  if (number < 0 || static_cast<size_t>(number) >= type.types.size()) {
    return fail(fmt::format("a union has no branch {}", number));
  }
  const AvroType& branch =
      schema_->type(type.types[static_cast<size_t>(number)]);
  // A union in a union is not Avro, but would not end.
  if (branch.kind == Kind::kUnion) return fail("a union lies in a union");
  return value(branch, name);
}

bool AvroReader::record(const AvroType& type, std::string_view name) {
  tree_->open(NodeKind::kObject, name);
  for (size_t i = 0; i < type.types.size(); ++i) {
    if (!value(schema_->type(type.types[i]), type.names[i])) return false;
  }
  tree_->close();
  return true;
}

// The count of the next block of an array or map, 0 at its end.
bool AvroReader::block(int64_t& count) {
  if (!read_long(count)) return false;
  if (count >= 0) return true;
  int64_t size = 0;  // for those who skip it
  if (!read_long(size)) return false;
  if (count < -static_cast<int64_t>(kMaxValues)) {
    return fail("a block's count is out of range");
  }
  count = -count;
  return true;
}

bool AvroReader::array(const AvroType& type, std::string_view name) {
  tree_->open(NodeKind::kArray, name);
  const AvroType& inside = schema_->type(type.types[0]);
  for (int64_t count = 0;;) {
    if (!block(count)) return false;
    if (count == 0) break;
    for (; count > 0; --count) {
      if (!value(inside, {})) return false;
    }
  }
  tree_->close();
  return true;
}

bool AvroReader::map(const AvroType& type, std::string_view name) {
  tree_->open(NodeKind::kObject, name);
  const AvroType& inside = schema_->type(type.types[0]);
  for (int64_t count = 0;;) {
    if (!block(count)) return false;
    if (count == 0) break;
    for (; count > 0; --count) {
      std::string_view key;
      if (!read_bytes(key) || !value(inside, key)) return false;
    }
  }
  tree_->close();
  return true;
}

bool AvroReader::integer(const AvroType& type, std::string_view name) {
  int64_t number = 0;
  if (!read_long(number)) return false;
  if (type.kind == Kind::kInt && number != static_cast<int32_t>(number)) {
    return fail(fmt::format("an int is out of range: {}", number));
  }
  fmt::format_int digits(number);
  tree_
      ->leaf(NodeKind::kBare, name, tree_->keep({digits.data(), digits.size()}))
      .meaning = type.meaning;
  return true;
}

template <class Number>
bool AvroReader::real(std::string_view name) {
  std::string_view bytes;
  if (!take(sizeof(Number), bytes)) return false;
  Number number;
  std::memcpy(&number, bytes.data(), sizeof number);
  tree_->leaf(NodeKind::kBare, name, tree_->keep(fmt::format("{}", number)));
  return true;
}

bool AvroReader::text(std::string_view name) {
  std::string_view bytes;
  if (!read_bytes(bytes)) return false;
  if (!is_utf8(bytes)) return fail("a string is not UTF-8");
  tree_->leaf(NodeKind::kText, name, bytes);
  return true;
}

bool AvroReader::raw(const AvroType& type, size_t size, std::string_view name) {
  std::string_view bytes;
  if (!take(size, bytes)) return false;
  if (type.meaning == Meaning::kUnits) {
    EventNode& node = tree_->leaf(NodeKind::kText, name, bytes);
    node.meaning = Meaning::kUnits;
    node.scale = type.scale;
  } else {
    tree_->leaf(NodeKind::kText, name, tree_->keep(to_base64(bytes)));
  }
  return true;
}

// Zigzag, seven bits a byte, the lowest first.
bool AvroReader::read_long(int64_t& out) {
  uint64_t bits = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (rest_.empty()) return fail("it ends too early");
    auto byte = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    if (shift == 63 && byte > 1) break;
    bits |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      out = static_cast<int64_t>(bits >> 1 ^ (~(bits & 1) + 1));
      return true;
    }
  }
  return fail("a number is longer than 64 bits");
}

bool AvroReader::read_bytes(std::string_view& out) {
  int64_t size = 0;
  if (!read_long(size)) return false;
  if (size < 0) return fail("a length is negative");
  return take(static_cast<size_t>(size), out);
}

bool AvroReader::take(size_t size, std::string_view& out) {
  if (size > rest_.size()) return fail("it ends too early");
  out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool AvroReader::fail(std::string_view why) {
  error_ = why;
  return false;
}

}  // namespace freshet
