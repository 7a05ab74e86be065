// TreeDecoder: the decoders whose events are trees. What a tree asks for, one
// row, several, a deletion or nothing, is for its kind to say.
#pragma once

#include <memory>

#include "ingest/decoder.h"
#include "ingest/event_reader.h"
#include "ingest/tree_rows.h"

namespace freshet {

class TreeDecoder : public Decoder {
 public:
  TreeDecoder(std::unique_ptr<EventReader> reader,
              std::unique_ptr<TreeRows> rows)
      : reader_(std::move(reader)), rows_(std::move(rows)) {}

  Status prepare(std::span<const RawMessage> messages) override {
    return reader_->prepare(messages);
  }
  void forget_faults() override { reader_->forget_faults(); }
  using Decoder::decode;
  void decode(std::span<const RawMessage> messages, ColumnBatch& batch,
              Decoded& decoded) final;

 protected:
  // One event on its way into rows.
  struct Taking {
    const RawMessage& message;
    uint32_t number;  // of the message
    ColumnBatch& batch;
    Decoded& decoded;
  };
  // `root` of tree_ is not null. False: rows().targets() says why.
  virtual bool take(EventNode& root, const Taking& taking);
  // append() of the event whose row is `row`.
  bool append(const Taking& taking, TreeRows::Event event) {
    return rows_->append(event, taking.batch, taking.decoded);
  }
  bool reject(const char* reason, std::string text) {
    return rows_->targets().reject(reason, std::move(text));
  }
  TreeRows& rows() { return *rows_; }

  EventTree tree_;

 private:
  bool read(const Taking& taking);

  const std::unique_ptr<EventReader> reader_;
  const std::unique_ptr<TreeRows> rows_;
};

}  // namespace freshet
