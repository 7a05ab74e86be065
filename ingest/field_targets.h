// FieldTargets: where the fields of an event go in a ColumnBatch, and the
// typed writing of one field. Shared by the decoders. Used by one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/decoder.h"
#include "ingest/message_fields.h"
#include "ingest/time_reader.h"

namespace freshet {

class FieldTargets {
 public:
  explicit FieldTargets(DecoderSpec spec);

  // Targets are numbered: 0 is the event time, 1.. the fields of the spec.
  size_t size() const { return targets_.size(); }
  const std::string& path(size_t target) const { return targets_[target].path; }
  // False if it comes from the message itself: then finish() writes it.
  bool in_value(size_t target) const { return !targets_[target].of_message; }
  ColumnType type(size_t target) const { return targets_[target].type; }
  // In the schema.
  size_t column(size_t target) const { return targets_[target].column; }

  // The column of a target whose good values a decoder may as well write by
  // itself: text, or a long that has no default.
  std::optional<size_t> plain_column(size_t target) const;

  // The message of the rows that follow, which it must outlive.
  void begin_message(const RawMessage& message) {
    message_ = &message;
    text_bytes_ = 0;
  }
  // A row: begin, put in any order, then finish. False means the row must be
  // abandoned; reason() and text() say why. A row that asks for a delete needs
  // its key and order: other values that do not fit are as if absent, and its
  // time is the message's if it has no other.
  void begin(bool is_delete = false) {
    is_delete_ = is_delete;
    ++row_;
  }
  // To be told of text that several rows may share, before it is put. False if
  // the rows of the message have more than kMaxMessageText.
  bool count_text(size_t bytes);
  // A value written as text. It must live as long as the batch's rows.
  bool put(size_t target, std::string_view text, ColumnBatch& batch);
  // As put, for a number, true or false written without quotes.
  bool put_bare(size_t target, std::string_view text, ColumnBatch& batch);
  // A time in milliseconds since 1970 for the event time or a timestamp column.
  bool put_millis(size_t target, int64_t ms, ColumnBatch& batch);
  // The fields of the message, defaults of what is absent or null; the time
  // must be there.
  bool finish(ColumnBatch& batch);

  // Whether put() has written this row's time.
  bool has_time() const { return targets_[0].filled_in == row_; }

  // A value that does not fit: the row is lost, or the column says otherwise.
  bool misfit(size_t target, std::string_view text, ColumnBatch& batch);
  bool reject(const char* reason, std::string text);
  bool reject_value(size_t target, std::string_view value);
  const char* reason() const { return reason_; }
  std::string take_text() { return std::move(text_); }

 private:
  struct Target {
    std::string path;
    size_t column = 0;
    ColumnType type;
    uint64_t filled_in = 0;  // row number of the last value
    bool has_default = false;
    std::string default_text;
    FieldSpec::OnError on_error = FieldSpec::OnError::kReject;
    TimeReader time{"auto"};
    bool of_message = false;
    bool identifies = false;  // a delete needs it
  };
  struct OfMessage {
    size_t target;
    MessageField field;
  };
  bool put_number(Target& target, std::string_view text, ColumnBatch& batch);
  bool put_message_fields(ColumnBatch& batch);

  std::vector<Target> targets_;
  std::vector<size_t> defaulted_;
  std::vector<OfMessage> of_message_;
  MessageFields message_fields_;
  const RawMessage* message_ = nullptr;
  size_t text_bytes_ = 0;  // of its rows
  bool is_delete_ = false;
  uint64_t row_ = 0;
  const char* reason_ = "";
  std::string text_;
};

}  // namespace freshet
