#include "ingest/tree_decoder.h"

#include <fmt/format.h>

#include "ingest/json_tree.h"

namespace freshet {
namespace {

class JsonReader final : public EventReader {
 public:
  bool read(std::string_view bytes, EventTree& tree) override {
    if (!json_.read(bytes, tree)) {
      error_ = "the event is not a JSON object: " + json_.error();
      return false;
    }
    if (tree.root()->kind == EventNode::Kind::kObject) return true;
    error_ = "the event is not a JSON object";
    return false;
  }
  const char* reason() const override { return "not_json"; }
  const std::string& error() const override { return error_; }

 private:
  JsonTree json_;
  std::string error_;
};

}  // namespace

void TreeDecoder::decode(std::span<const RawMessage> messages,
                         ColumnBatch& batch, Decoded& decoded) {
  for (uint32_t i = 0; i < messages.size(); ++i) {
    size_t before = batch.num_rows();
    // A tombstone says no more than the deletion before it.
    if (!messages[i].null_value && !read({messages[i], i, batch, decoded})) {
      rows_->take_back(i, before, batch, decoded);
    } else {
      decoded.ignored += batch.num_rows() == before;
    }
  }
}

bool TreeDecoder::read(const Taking& taking) {
  rows_->targets().begin_message(taking.message);
  std::string_view value = taking.message.value;
  if (value.size() > kMaxEventBytes) {
    return reject("too_large",
                  fmt::format("the event is larger than {} bytes: {}",
                              kMaxEventBytes, value.size()));
  }
  tree_.clear();
  if (!reader_->read(value, tree_)) {
    return reject(reader_->reason(), reader_->error());
  }
  return take(*tree_.root(), taking);
}

bool TreeDecoder::take(EventNode& root, const Taking& taking) {
  return append(taking, {.number = taking.number,
                         .tree = tree_,
                         .row = &root,
                         .envelope = &root});
}

std::unique_ptr<EventReader> make_json_reader() {
  return std::make_unique<JsonReader>();
}

Result<std::unique_ptr<Decoder>> make_json_tree_decoder(DecoderSpec spec) {
  TRY_ASSIGN(auto rows, TreeRows::make(std::move(spec)));
  return std::unique_ptr<Decoder>(
      std::make_unique<TreeDecoder>(make_json_reader(), std::move(rows)));
}

}  // namespace freshet
