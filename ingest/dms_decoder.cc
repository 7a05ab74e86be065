#include <fmt/format.h>

#include "ingest/change_events.h"
#include "ingest/field_value.h"
#include "ingest/tree_decoder.h"
#include "segments/time.h"

namespace freshet {
namespace {

using Kind = EventNode::Kind;

class DmsDecoder final : public TreeDecoder {
 public:
  DmsDecoder(std::unique_ptr<EventReader> reader,
             std::unique_ptr<TreeRows> rows, std::string before_image,
             std::vector<size_t> key)
      : TreeDecoder(std::move(reader), std::move(rows)),
        before_image_(std::move(before_image)),
        key_(std::move(key)) {}

 protected:
  bool take(EventNode& root, const Taking& taking) override;

 private:
  bool change(const EventNode& root, const EventNode& data,
              std::string_view operation, const Taking& taking);
  std::optional<int64_t> change_time(const EventNode& root) const;
  bool remove_old_key(const EventNode& root, const EventNode& data,
                      const Taking& taking);

  const std::string before_image_;
  const std::vector<size_t> key_;  // columns
};

bool DmsDecoder::take(EventNode& root, const Taking& taking) {
  const EventNode* metadata = tree_.child(root, "metadata");
  auto said = [&](std::string_view name) {
    const EventNode* node = tree_.child(*metadata, name);
    return node == nullptr ? std::string_view() : node->text;
  };
  if (metadata == nullptr || metadata->kind != Kind::kObject) {
    return reject("not_dms", "the event has no metadata: it is not of AWS DMS");
  }
  if (said("record-type") == "control") {
    std::string_view operation = said("operation");
    bool empties = operation == "truncate-table" || operation == "drop-table";
    return !empties ||
           reject("truncate", fmt::format("{}: the rows here stay", operation));
  }
  const EventNode* data = tree_.child(root, "data");
  if (data == nullptr || data->kind != Kind::kObject) {
    return reject("not_dms", fmt::format("operation {} without a row in 'data'",
                                         shorten(said("operation"))));
  }
  return change(root, *data, said("operation"), taking);
}

bool DmsDecoder::change(const EventNode& root, const EventNode& data,
                        std::string_view operation, const Taking& taking) {
  TreeRows::Event event{
      .number = taking.number, .tree = tree_, .row = &data, .envelope = &root};
  if (operation == "delete") {
    event.operation = RowOperation::kDelete;
    event.time_ms = change_time(root);
    return append(taking, event);
  }
  if (operation == "load" || operation == "insert") {
    return append(taking, event);
  }
  if (operation == "update") {
    return remove_old_key(root, data, taking) && append(taking, event);
  }
  return reject("not_dms",
                "not an operation of AWS DMS: " + shorten(operation));
}

// When the change was read: for a delete that has no more than its key.
std::optional<int64_t> DmsDecoder::change_time(const EventNode& root) const {
  const EventNode* metadata = tree_.child(root, "metadata");
  const EventNode* said = tree_.child(*metadata, "timestamp");
  if (said == nullptr) return std::nullopt;
  auto time = parse_iso8601(said->text);
  return time ? std::optional(time->ms) : std::nullopt;
}

bool DmsDecoder::remove_old_key(const EventNode& root, const EventNode& data,
                                const Taking& taking) {
  const EventNode* before = tree_.child(root, before_image_);
  if (before == nullptr || before->kind != Kind::kObject) return true;
  if (!rows().differ(tree_, *before, data, key_)) return true;
  return append(taking, {.number = taking.number,
                         .tree = tree_,
                         .row = before,
                         .envelope = &root,
                         .fallback = &data,
                         .operation = RowOperation::kDelete});
}

}  // namespace

Result<std::unique_ptr<Decoder>> make_dms_decoder(DecoderSpec spec) {
  std::string before_image = spec.before_image;
  std::vector<size_t> key = spec.key;
  auto reader = make_json_reader();
  TRY_ASSIGN(auto rows, TreeRows::make(std::move(spec)));
  return std::unique_ptr<Decoder>(
      std::make_unique<DmsDecoder>(std::move(reader), std::move(rows),
                                   std::move(before_image), std::move(key)));
}

}  // namespace freshet
