// Avro messages in Confluent's wire format: a zero byte, the schema's id (4
// bytes, big-endian), the value.
#include <fmt/format.h>

#include "ingest/avro_reader.h"
#include "ingest/event_reader.h"
#include "ingest/schema_registry.h"
#include "ingest/tree_decoder.h"

namespace freshet {
namespace {

constexpr size_t kHeadBytes = 5;

bool read_id(std::string_view bytes, uint32_t& id) {
  if (bytes.size() < kHeadBytes || bytes[0] != 0) return false;
  id = 0;
  for (size_t i = 1; i < kHeadBytes; ++i) {
    id = id << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return true;
}

class RegistryReader final : public EventReader {
 public:
  explicit RegistryReader(RegistrySettings settings)
      : registry_(std::move(settings)) {}

  Status prepare(std::span<const RawMessage> messages) override {
    uint32_t last = 0;
    bool any = false;
    for (const RawMessage& message : messages) {
      uint32_t id = 0;
      if (message.null_value || !read_id(message.value, id)) continue;
      if (any && id == last) continue;
      TRY(registry_.fetch(id));
      last = id;
      any = true;
    }
    return {};
  }

  void forget_faults() override { registry_.forget_faults(); }

  bool read(std::string_view bytes, EventTree& tree) override {
    uint32_t id = 0;
    reason_ = "not_avro";
    if (!read_id(bytes, id)) {
      error_ =
          "the event is not in the registry's wire format (a zero byte "
          "and a schema's id)";
      return false;
    }
    auto schema = registry_.find(id);
    if (!schema) {
      reason_ = "schema";
      error_ = schema.error().message;
      return false;
    }
    if (!reader_.read(**schema, bytes.substr(kHeadBytes), tree)) {
      error_ = fmt::format("the event does not fit schema {}: {}", id,
                           reader_.error());
      return false;
    }
    if (tree.root()->kind == EventNode::Kind::kObject) return true;
    error_ = fmt::format("schema {} is not a record", id);
    return false;
  }
  const char* reason() const override { return reason_; }
  const std::string& error() const override { return error_; }

 private:
  SchemaRegistry registry_;
  AvroReader reader_;
  const char* reason_ = "";
  std::string error_;
};

}  // namespace

std::unique_ptr<EventReader> make_registry_reader(RegistrySettings settings) {
  return std::make_unique<RegistryReader>(std::move(settings));
}

std::unique_ptr<EventReader> make_event_reader(const DecoderSpec& spec) {
  return spec.registry.url.empty() ? make_json_reader()
                                   : make_registry_reader(spec.registry);
}

Result<std::unique_ptr<Decoder>> make_avro_decoder(DecoderSpec spec) {
  if (spec.registry.url.empty()) {
    return invalid("Avro events need a schema registry: registry");
  }
  auto reader = make_registry_reader(spec.registry);
  TRY_ASSIGN(auto rows, TreeRows::make(std::move(spec)));
  return std::unique_ptr<Decoder>(
      std::make_unique<TreeDecoder>(std::move(reader), std::move(rows)));
}

}  // namespace freshet
