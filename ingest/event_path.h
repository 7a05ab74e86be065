// EventPath: the way to a value in an EventTree: "item.sku", "lines[0].sku",
// or from the top of an envelope "$.source.ts_ms". Immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/event_tree.h"
#include "segments/result.h"

namespace freshet {

class EventPath {
 public:
  struct Step {
    std::string name;  // of a member, unless `element`
    bool element = false;
    uint32_t index = 0;  // of an element, from 0
    bool operator==(const Step&) const = default;
  };
  // What "tag[0]" is where `tag` is no array: nothing, or `tag` itself, since
  // an element of XML that stands alone is no array.
  enum class Lone { kNoElement, kFirstElement };
  // kInvalid for an empty name and for brackets without a number.
  static Result<EventPath> parse(std::string_view text,
                                 Lone lone = Lone::kNoElement);

  const std::vector<Step>& steps() const { return steps_; }
  // Whether it starts at the top of the envelope.
  bool from_top() const { return from_top_; }
  // From `node` on, `skipped` steps taken already; null if there is nothing.
  const EventNode* find(const EventTree& tree, const EventNode* node,
                        size_t skipped = 0) const;

 private:
  std::vector<Step> steps_;
  bool from_top_ = false;
  Lone lone_ = Lone::kNoElement;
};

}  // namespace freshet
