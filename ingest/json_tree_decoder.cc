// JSON events whose paths go through arrays, or that become several rows.
#include <fmt/format.h>

#include "ingest/decoder.h"
#include "ingest/json_tree.h"
#include "ingest/tree_rows.h"

namespace freshet {
namespace {

class JsonTreeDecoder final : public Decoder {
 public:
  explicit JsonTreeDecoder(std::unique_ptr<TreeRows> rows)
      : rows_(std::move(rows)) {}

  using Decoder::decode;
  void decode(std::span<const RawMessage> messages, ColumnBatch& batch,
              Decoded& decoded) override {
    for (uint32_t i = 0; i < messages.size(); ++i) {
      if (messages[i].null_value) {
        ++decoded.ignored;
        continue;
      }
      size_t before = batch.num_rows();
      if (!read(messages[i], i, batch, decoded)) {
        rows_->take_back(i, before, batch, decoded);
      } else {
        decoded.ignored += batch.num_rows() == before;
      }
    }
  }

 private:
  bool read(const RawMessage& message, uint32_t number, ColumnBatch& batch,
            Decoded& decoded) {
    FieldTargets& targets = rows_->targets();
    if (message.value.size() > kMaxEventBytes) {
      return targets.reject("too_large",
                            fmt::format("the event is larger than {} bytes: {}",
                                        kMaxEventBytes, message.value.size()));
    }
    tree_.clear();
    if (!json_.read(message.value, tree_)) {
      return targets.reject("not_json",
                            "the event is not a JSON object: " + json_.error());
    }
    const EventNode* root = tree_.root();
    if (root->kind != EventNode::Kind::kObject) {
      return targets.reject("not_json", "the event is not a JSON object");
    }
    TreeRows::Event event{.message = message,
                          .number = number,
                          .tree = tree_,
                          .row = root,
                          .envelope = root};
    return rows_->append(event, batch, decoded);
  }

  const std::unique_ptr<TreeRows> rows_;
  JsonTree json_;
  EventTree tree_;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_json_tree_decoder(DecoderSpec spec) {
  TRY_ASSIGN(auto rows, TreeRows::make(std::move(spec)));
  return std::unique_ptr<Decoder>(
      std::make_unique<JsonTreeDecoder>(std::move(rows)));
}

}  // namespace freshet
