#include "ingest/field_targets.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/field_value.h"

namespace freshet {

using OnError = FieldSpec::OnError;

namespace {

// What is looked at to read the field.
size_t size_of(const MessageField& field, const RawMessage& message) {
  switch (field.kind) {
    case MessageField::Kind::kKey:
    case MessageField::Kind::kKeyMember:
      return message.key.size();
    case MessageField::Kind::kHeader:
      return message.headers.size();
    default:
      return 0;
  }
}

}  // namespace

FieldTargets::FieldTargets(DecoderSpec spec) {
  Target time;
  time.path = std::move(spec.time.path);
  time.type.kind = ColumnKind::kTimestamp;
  time.time = TimeReader(spec.time.format);
  time.of_message = spec.time.from_message;
  targets_.push_back(std::move(time));
  if (spec.time.from_message) of_message_.push_back({0, kTimeOfMessage});
  for (FieldSpec& field : spec.fields) {
    Target target;
    target.path = std::move(field.path);
    target.column = field.column;
    target.type = spec.schema->columns[field.column].type;
    target.has_default = field.has_default;
    target.default_text = std::move(field.default_text);
    target.on_error = field.on_error;
    target.identifies =
        spec.order_by == field.column ||
        std::ranges::find(spec.key, field.column) != spec.key.end();
    target.time = TimeReader(field.time_format);
    target.of_message = !field.message.empty();
    if (target.of_message) {
      target.path = field.message;
      of_message_.push_back({targets_.size(), message_field(field.message)});
    }
    if (target.has_default) defaulted_.push_back(targets_.size());
    targets_.push_back(std::move(target));
  }
}

std::optional<size_t> FieldTargets::plain_column(size_t index) const {
  const Target& target = targets_[index];
  bool plain = target.type.kind == ColumnKind::kString ||
               target.type.kind == ColumnKind::kLong;
  if (index == 0 || target.has_default || !plain) return {};
  return target.column;
}

bool FieldTargets::put(size_t index, std::string_view text,
                       ColumnBatch& batch) {
  Target& target = targets_[index];
  bool good = true;
  if (target.type.kind == ColumnKind::kString) {
    batch.set_string(target.column, text);
  } else if (target.type.kind == ColumnKind::kTimestamp) {
    int64_t ms = 0;
    good = target.time.read_text(text, ms);
    if (good) batch.set_long(target.column, ms);
  } else {
    good = put_number(target, trim(text), batch);
  }
  if (!good) return misfit(index, text, batch);
  target.filled_in = row_;
  return true;
}

bool FieldTargets::put_bare(size_t index, std::string_view text,
                            ColumnBatch& batch) {
  Target& target = targets_[index];
  bool good = true;
  if (target.type.kind == ColumnKind::kString) {
    batch.set_string(target.column, text);
  } else if (target.type.kind == ColumnKind::kTimestamp) {
    int64_t ms = 0;
    good = target.time.read_number(text, ms);
    if (good) batch.set_long(target.column, ms);
  } else {
    good = put_number(target, text, batch);
  }
  if (!good) return misfit(index, text, batch);
  target.filled_in = row_;
  return true;
}

bool FieldTargets::put_millis(size_t index, int64_t ms, ColumnBatch& batch) {
  if (!Interval().contains(Timestamp{ms})) {
    return misfit(index, std::to_string(ms), batch);
  }
  batch.set_long(targets_[index].column, ms);
  targets_[index].filled_in = row_;
  return true;
}

bool FieldTargets::misfit(size_t index, std::string_view text,
                          ColumnBatch& batch) {
  Target& target = targets_[index];
  if (is_delete_ && !target.identifies) {
    target.filled_in = 0;
    return true;
  }
  if (index == 0 || target.on_error == OnError::kReject) {
    return reject_value(index, text);
  }
  // As if it were absent; finish() has the default.
  bool null = target.on_error == OnError::kNull;
  target.filled_in = null && target.has_default ? row_ : 0;
  return true;
}

bool FieldTargets::put_number(Target& target, std::string_view text,
                              ColumnBatch& batch) {
  int64_t units = 0;
  switch (target.type.kind) {
    case ColumnKind::kLong:
      if (!parse_exact(text, 0, false, units)) return false;
      break;
    case ColumnKind::kDecimal:
      if (!parse_exact(text, target.type.scale, true, units)) return false;
      break;
    case ColumnKind::kBool:
      if (!parse_bool(text, units)) return false;
      break;
    default: {
      double number = 0;
      if (!parse_double(text, number)) return false;
      batch.set_double(target.column, number);
      return true;
    }
  }
  batch.set_long(target.column, units);
  return true;
}

bool FieldTargets::count_text(size_t bytes) {
  text_bytes_ += bytes;
  if (text_bytes_ <= kMaxMessageText) return true;
  return reject("too_large",
                fmt::format("the rows of the event have more than {} bytes of "
                            "text",
                            kMaxMessageText));
}

bool FieldTargets::put_message_fields(ColumnBatch& batch) {
  for (const OfMessage& of : of_message_) {
    if (!count_text(size_of(of.field, *message_))) return false;
    if (of.field.kind == MessageField::Kind::kTimestamp &&
        targets_[of.target].type.kind == ColumnKind::kTimestamp) {
      if (!put_millis(of.target, message_->time.ms, batch)) return false;
      continue;
    }
    auto text = message_fields_.read(of.field, *message_);
    if (!text) continue;
    if (!count_text(text->size()) ||
        !put(of.target, batch.keep(*text), batch)) {
      return false;
    }
  }
  return true;
}

bool FieldTargets::finish(ColumnBatch& batch) {
  if (!of_message_.empty() && !put_message_fields(batch)) return false;
  for (size_t index : defaulted_) {
    Target& target = targets_[index];
    if (target.filled_in == row_) continue;
    if (!put(index, target.default_text, batch)) return false;
  }
  if (targets_[0].filled_in == row_) return true;
  if (is_delete_) return put_millis(0, message_->time.ms, batch);
  return reject("time", fmt::format("the event has no time: {} is missing",
                                    targets_[0].path));
}

bool FieldTargets::reject(const char* reason, std::string text) {
  reason_ = reason;
  text_ = std::move(text);
  return false;
}

bool FieldTargets::reject_value(size_t index, std::string_view value) {
  const Target& target = targets_[index];
  bool is_time = target.type.kind == ColumnKind::kTimestamp;
  const char* hint = "";
  if (is_time && target.time.is_auto() &&
      TimeReader::date_in_digits(trim(value))) {
    hint = " (a date in digits? state its format, such as %Y%m%d)";
  }
  if (index == 0) {
    return reject("time", fmt::format("{} is not a time that can be read: {}{}",
                                      target.path, shorten(value), hint));
  }
  return reject("wrong_type",
                fmt::format("{} is not a {}: {}{}", target.path,
                            to_string(target.type), shorten(value), hint));
}

}  // namespace freshet
