// JsonTree: a JSON text -> an EventTree, checked whole: syntax, UTF-8, depth.
// Numbers keep their digits as written. Used by one thread.
#pragma once

#include <string>
#include <string_view>

#include "ingest/event_tree.h"
#include "ingest/json_structure.h"
#include "ingest/padded_blocks.h"

namespace freshet {

class JsonTree {
 public:
  static constexpr size_t kMaxDepth = 512;

  // Appends the value in `text` to the empty `tree`, whose texts are views into
  // memory of the tree or of this object, valid until the next read(). False:
  // error() says what is wrong.
  bool read(std::string_view text, EventTree& tree);
  const std::string& error() const { return error_; }

 private:
  bool read_value(std::string_view name, EventTree& tree);
  bool read_scalar(std::string_view name, EventTree& tree);
  bool read_string(std::string_view& text, EventTree& tree);
  bool read_name(std::string_view& name, EventTree& tree);
  bool after_value(EventTree& tree);
  bool fail(std::string_view why);
  bool broken();

  JsonStructure structure_;
  PaddedBlocks blocks_;
  std::string error_;
  const char* text_ = nullptr;
  size_t size_ = 0;
  const uint32_t* at_ = nullptr;        // the next place
  std::vector<EventNode::Kind> kinds_;  // of what is open
};

}  // namespace freshet
