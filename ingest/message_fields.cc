#include "ingest/message_fields.h"

#include <array>
#include <cassert>
#include <utility>

#include "ingest/field_value.h"

namespace freshet {
namespace {

using Kind = MessageField::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 5> kPlain = {{
    {"key", Kind::kKey},
    {"timestamp", Kind::kTimestamp},
    {"topic", Kind::kTopic},
    {"partition", Kind::kPartition},
    {"offset", Kind::kOffset},
}};

}  // namespace

Result<MessageField> parse_message_field(std::string_view text) {
  for (const auto& [name, kind] : kPlain) {
    if (text == name) return MessageField{kind, {}, {}};
  }
  if (text.starts_with("header.") && text.size() > 7) {
    return MessageField{Kind::kHeader, std::string(text.substr(7)), {}};
  }
  if (text.starts_with("key.") && text.size() > 4) {
    TRY_ASSIGN(EventPath path, EventPath::parse(text.substr(4)));
    return MessageField{Kind::kKeyMember, {}, std::move(path)};
  }
  return invalid(
      "not a part of a message (key, key.MEMBER, header.NAME, timestamp, "
      "topic, partition, offset): " +
      shorten(text));
}

MessageField message_field(std::string_view text) {
  auto field = parse_message_field(text);
  assert(field.has_value());
  return std::move(*field);
}

std::optional<std::string_view> MessageFields::read(const MessageField& field,
                                                    const RawMessage& message) {
  std::string_view partition = message.partition_name;
  size_t slash = partition.rfind('/');
  bool named = slash != std::string_view::npos;
  switch (field.kind) {
    case Kind::kKey:
      if (message.key.empty()) return {};
      return message.key;
    case Kind::kKeyMember:
      return key_member(field, message);
    case Kind::kHeader:
      for (size_t i = message.headers.size(); i-- > 0;) {
        const MessageHeader& header = message.headers[i];
        if (header.name == field.name) return header.value;
      }
      return {};
    case Kind::kTimestamp:
      text_ = std::to_string(message.time.ms);
      return text_;
    case Kind::kTopic:
      if (!named) return {};
      return partition.substr(0, slash);
    case Kind::kPartition:
      if (!named) return {};
      return partition.substr(slash + 1);
    case Kind::kOffset:
      text_ = std::to_string(message.offset);
      return text_;
  }
  return {};
}

std::optional<std::string_view> MessageFields::key_member(
    const MessageField& field, const RawMessage& message) {
  if (message.key.empty()) return {};
  tree_.clear();
  if (!json_.read(message.key, tree_)) return {};
  const EventNode* root = tree_.root();
  const EventNode* payload = tree_.child(*root, "payload");
  if (payload != nullptr && tree_.child(*root, "schema") != nullptr) {
    root = payload;
  }
  const EventNode* node = field.path.find(tree_, root);
  if (node == nullptr || !node->is_scalar()) return {};
  return node->text;
}

}  // namespace freshet
