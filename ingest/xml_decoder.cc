#include "ingest/xml_decoder.h"

#include <fmt/format.h>

#include "ingest/tree_decoder.h"
#include "ingest/xml_records.h"

namespace freshet {
namespace {

using Kind = EventNode::Kind;

class XmlDecoder final : public Decoder {
 public:
  explicit XmlDecoder(std::unique_ptr<TreeRows> rows)
      : rows_(std::move(rows)) {}
  Status open(std::string_view path) {
    TRY_ASSIGN(records_, XmlRecords::make(path, [this](EventTree& record,
                                                       EventTree& around) {
                 return take(record, around);
               }));
    return {};
  }

  using Decoder::decode;
  void decode(std::span<const RawMessage> messages, ColumnBatch& batch,
              Decoded& decoded) override {
    batch_ = &batch;
    decoded_ = &decoded;
    for (uint32_t i = 0; i < messages.size(); ++i) {
      size_t before = batch.num_rows();
      message_ = &messages[i];
      number_ = i;
      first_ = before;
      if (!messages[i].null_value && !read()) {
        rows_->take_back(i, before, batch, decoded);
      } else {
        decoded.ignored += batch.num_rows() == before;
      }
    }
  }

 private:
  bool read() {
    FieldTargets& targets = rows_->targets();
    targets.begin_message(*message_);
    std::string_view text = message_->value;
    if (text.size() > kMaxEventBytes) {
      return targets.reject("too_large",
                            fmt::format("the event is larger than {} bytes: {}",
                                        kMaxEventBytes, text.size()));
    }
    rejected_ = false;
    records_->reset();
    Status pushed = records_->push(text, true);
    if (pushed) return true;
    if (rejected_) return false;  // with the reason of the row
    return targets.reject(
        pushed.error().code == ErrorCode::kLimit ? "too_large" : "not_xml",
        "the event is not XML: " + pushed.error().message);
  }
  Status take(EventTree& record, EventTree& around) {
    if (batch_->num_rows() - first_ >= kMaxMessageRows) {
      return Error{ErrorCode::kLimit,
                   fmt::format("more than {} records", kMaxMessageRows)};
    }
    TreeRows::Event event{.number = number_,
                          .tree = record,
                          .row = record.root(),
                          .envelope = around.root(),
                          .envelope_tree = &around};
    if (rows_->append(event, *batch_, *decoded_)) return {};
    rejected_ = true;
    return invalid("a record is at fault");
  }

  const std::unique_ptr<TreeRows> rows_;
  std::unique_ptr<XmlRecords> records_;
  // Of the decode() under way.
  ColumnBatch* batch_ = nullptr;
  Decoded* decoded_ = nullptr;
  const RawMessage* message_ = nullptr;
  uint32_t number_ = 0;
  size_t first_ = 0;  // row of the message
  bool rejected_ = false;
};

class XmlRecordDecoder final : public TreeDecoder {
 public:
  using TreeDecoder::TreeDecoder;

 protected:
  bool take(EventNode& root, const Taking& taking) override {
    return append(taking, {.number = taking.number,
                           .tree = tree_,
                           .row = &root,
                           .envelope = tree_.child(root, "$")});
  }
};

void write_text(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

void write_value(const EventTree& tree, const EventNode& node,
                 std::string& out);

// The members of an object, each behind a comma unless it is the first.
void write_members(const EventTree& tree, const EventNode& node, bool first,
                   std::string& out) {
  for (auto* at = tree.first_child(node); at != nullptr; at = tree.next(*at)) {
    if (!first) out += ',';
    first = false;
    if (node.kind == Kind::kObject) {
      write_text(at->name, out);
      out += ':';
    }
    write_value(tree, *at, out);
  }
}

void write_value(const EventTree& tree, const EventNode& node,
                 std::string& out) {
  switch (node.kind) {
    case Kind::kNull:
      out += "null";
      return;
    case Kind::kText:
      write_text(node.text, out);
      return;
    case Kind::kBare:
      out += node.text;
      return;
    default:
      out += node.kind == Kind::kObject ? '{' : '[';
      write_members(tree, node, true, out);
      out += node.kind == Kind::kObject ? '}' : ']';
  }
}

}  // namespace

Result<std::unique_ptr<Decoder>> make_xml_decoder(DecoderSpec spec) {
  std::string path = spec.record;
  TRY_ASSIGN(auto rows, TreeRows::make(std::move(spec)));
  auto decoder = std::make_unique<XmlDecoder>(std::move(rows));
  TRY(decoder->open(path));
  return std::unique_ptr<Decoder>(std::move(decoder));
}

std::string xml_record_json(const EventTree& record, const EventTree& around) {
  std::string out = "{\"$\":";
  write_value(around, *around.root(), out);
  write_members(record, *record.root(), false, out);
  return out + "}";
}

Result<std::unique_ptr<Decoder>> make_xml_record_decoder(DecoderSpec spec) {
  TRY_ASSIGN(auto rows, TreeRows::make(std::move(spec)));
  return std::unique_ptr<Decoder>(
      std::make_unique<XmlRecordDecoder>(make_json_reader(), std::move(rows)));
}

}  // namespace freshet
