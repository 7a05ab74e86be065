#include "ingest/sample_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/field_value.h"

namespace freshet {
namespace {

constexpr size_t kMaxFaults = 20;

std::string cell_text(const ColumnBatch& batch, size_t column, size_t row) {
  const ColumnBuffer& buffer = batch.columns()[column];
  ColumnType type = batch.schema().columns[column].type;
  switch (type.kind) {
    case ColumnKind::kString:
      return shorten(buffer.strings[row]);
    case ColumnKind::kDouble:
      return fmt::format("{}", buffer.doubles[row]);
    case ColumnKind::kDecimal:
      return decimal_to_string(buffer.longs[row], type.scale);
    case ColumnKind::kBool:
      return buffer.longs[row] ? "true" : "false";
    case ColumnKind::kTimestamp:
      return to_iso8601(Timestamp{buffer.longs[row]});
    default:
      return std::to_string(buffer.longs[row]);
  }
}

class Reporter {
 public:
  Reporter(const IngestionSettings& settings,
           std::span<const RawMessage> messages)
      : settings_(settings),
        messages_(messages),
        batch_(settings.decoder.schema) {}

  Result<SampleReport> run() {
    report_.messages = messages_.size();
    TRY(decode(settings_.decoder));
    report_.ignored = decoded_.ignored;
    count_faults();
    transform();
    describe();
    TRY(find_wrong());
    return std::move(report_);
  }

 private:
  Status decode(DecoderSpec spec) {
    TRY_ASSIGN(decoder_, make_decoder(std::move(spec)));
    TRY(decoder_->prepare(messages_));
    batch_.clear();
    decoded_.clear();
    decoder_->decode(messages_, batch_, decoded_);
    return {};
  }

  void add_fault(size_t message, const std::string& reason,
                 const std::string& text) {
    ++report_.rejected[reason];
    if (report_.faults.size() < kMaxFaults) {
      report_.faults.push_back({message, reason, text});
    }
  }
  void count_faults() {
    for (const Rejection& r : decoded_.rejections) {
      add_fault(r.message, r.reason, r.text);
    }
  }

  void transform() {
    keep_.assign(batch_.num_rows(), 1);
    if (settings_.transform == nullptr) return;
    std::vector<Transform::RowError> errors;
    settings_.transform->apply(batch_, keep_, errors);
    std::erase_if(errors, [&](const Transform::RowError& error) {
      return !settings_.hinders(error, decoded_.operation(error.row));
    });
    std::ranges::stable_sort(errors, {}, &Transform::RowError::row);
    judge(errors);
  }

  // As ingestion does: a message is rejected once, with all its rows.
  void judge(std::span<const Transform::RowError> errors) {
    std::vector<uint8_t> refused(messages_.size());
    for (uint32_t row = 0; row < keep_.size(); ++row) {
      while (!errors.empty() && errors[0].row < row) errors = errors.subspan(1);
      uint32_t message = decoded_.row_messages[row];
      if (refused[message]) continue;
      if (!errors.empty() && errors[0].row == row) {
        refused[message] = 1;
        add_fault(message, "expression", errors[0].error.message);
      } else if (decoded_.operation(row) == RowOperation::kUpsert) {
        report_.filtered += !keep_[row];
      }
    }
    for (size_t row = 0; row < keep_.size(); ++row) {
      if (refused[decoded_.row_messages[row]]) keep_[row] = 0;
    }
  }

  void describe() {
    const Schema& schema = batch_.schema();
    for (size_t row = 0; row < keep_.size(); ++row) {
      report_.rows += keep_[row];
      report_.deletes +=
          keep_[row] && decoded_.operation(row) == RowOperation::kDelete;
    }
    for (size_t c = 0; c < schema.columns.size(); ++c) {
      SampleReport::Field field;
      field.name = schema.columns[c].name;
      field.type = schema.columns[c].type;
      for (size_t row = 0; row < keep_.size(); ++row) {
        if (!keep_[row]) continue;
        bool null = batch_.columns()[c].nulls[row] != 0;
        null ? ++field.null : ++field.filled;
        if (!null && field.example.empty()) {
          field.example = cell_text(batch_, c, row);
        }
      }
      report_.fields.push_back(std::move(field));
    }
    report_.fields[0].path = settings_.decoder.time.path;
  }

  // A message is rejected for the first field that does not fit: each is tried
  // alone, beside the message's own time.
  Status find_wrong() {
    DecoderSpec alone = settings_.decoder;
    alone.fields.clear();
    TRY(decode(alone));
    note_wrong(report_.fields[0], "time");
    alone.time.from_message = true;
    for (const FieldSpec& field : settings_.decoder.fields) {
      alone.fields = {field};
      alone.fields[0].on_error = FieldSpec::OnError::kReject;
      TRY(decode(alone));
      SampleReport::Field& found = report_.fields[field.column];
      found.path = field.message.empty() ? field.path : field.message;
      note_wrong(found, "wrong_type");
    }
    return {};
  }
  void note_wrong(SampleReport::Field& field, std::string_view reason) {
    for (Rejection& rejection : decoded_.rejections) {
      if (rejection.reason != reason) continue;
      ++field.wrong;
      if (field.wrong_example.empty()) field.wrong_example = rejection.text;
    }
  }

  const IngestionSettings& settings_;
  const std::span<const RawMessage> messages_;
  std::unique_ptr<Decoder> decoder_;
  ColumnBatch batch_;
  Decoded decoded_;
  std::vector<uint8_t> keep_;
  SampleReport report_;
};

}  // namespace

Result<SampleReport> report_sample(const IngestionSettings& settings,
                                   std::span<const RawMessage> messages) {
  return Reporter(settings, messages).run();
}

}  // namespace freshet
