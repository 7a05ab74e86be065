// EventReader: the bytes of one message -> an EventTree, for the encodings that
// are trees: JSON, and Avro with a schema registry. Used by one thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ingest/decoder.h"
#include "ingest/event_tree.h"
#include "ingest/source.h"
#include "segments/result.h"

namespace freshet {

class EventReader {
 public:
  virtual ~EventReader() = default;
  // As Decoder::prepare, for the values of the messages.
  virtual Status prepare(std::span<const RawMessage> messages) { return {}; }
  virtual void forget_faults() {}
  // Builds `tree`, which is empty. Its texts lie in the tree, in `bytes` or in
  // the reader, until the next read(). False: reason() and error() say why.
  virtual bool read(std::string_view bytes, EventTree& tree) = 0;
  // Of a rejection: "not_json", "not_avro".
  virtual const char* reason() const = 0;
  virtual const std::string& error() const = 0;
};

std::unique_ptr<EventReader> make_json_reader();
// Avro in a registry's wire format.
std::unique_ptr<EventReader> make_registry_reader(RegistrySettings settings);
// The one of the two that the spec asks for.
std::unique_ptr<EventReader> make_event_reader(const DecoderSpec& spec);

}  // namespace freshet
