// MessageSample: some messages of a source, kept, to see what becomes of them.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "ingest/source.h"

namespace freshet {

class MessageSample {
 public:
  MessageSample() = default;
  MessageSample(MessageSample&&) = default;
  MessageSample& operator=(MessageSample&&) = default;

  void add(const RawMessage& message);
  void add(std::string_view value);
  // Views into this object.
  const std::vector<RawMessage>& messages() const { return messages_; }

 private:
  std::string_view keep(std::string_view text);

  std::deque<std::string> texts_;
  std::deque<std::vector<MessageHeader>> headers_;
  std::vector<RawMessage> messages_;
};

// The newest messages of all partitions, about `most`, oldest first in each.
// Fewer if there are no more, or when `timeout_ms` are over. kUnavailable,
// kNotFound as Source::partitions().
Result<MessageSample> sample_source(Source& source, size_t most,
                                    int64_t timeout_ms);

}  // namespace freshet
