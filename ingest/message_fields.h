// MessageFields: what a record has besides its value (key, headers, place and
// time) as the text of columns. Used by one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/event_path.h"
#include "ingest/event_tree.h"
#include "ingest/json_tree.h"
#include "ingest/source.h"

namespace freshet {

struct MessageField {
  enum class Kind {
    kKey,
    kKeyMember,
    kHeader,
    kTimestamp,
    kTopic,
    kPartition,
    kOffset
  };
  Kind kind = Kind::kKey;
  std::string name;  // of a header
  EventPath path;    // in a key
};

inline const MessageField kTimeOfMessage = {
    MessageField::Kind::kTimestamp, {}, {}};

// "key", "key.id" (a member of a key that is a JSON object, also inside
// Connect's schema and payload), "header.NAME" (the last of that name),
// "timestamp", "topic", "partition", "offset". kInvalid for anything else.
Result<MessageField> parse_message_field(std::string_view text);
// REQUIRES: `text` was checked by parse_message_field.
MessageField message_field(std::string_view text);

class MessageFields {
 public:
  // Nothing if the message has no such thing. Valid until the next call.
  std::optional<std::string_view> read(const MessageField& field,
                                       const RawMessage& message);

 private:
  std::optional<std::string_view> key_member(const MessageField& field,
                                             const RawMessage& message);

  JsonTree json_;
  EventTree tree_;
  std::string text_;
};

}  // namespace freshet
