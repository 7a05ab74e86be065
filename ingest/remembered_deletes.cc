#include "ingest/remembered_deletes.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ingest/key_hash.h"
#include "segments/byte_fields.h"
#include "segments/column_widening.h"

namespace freshet {
namespace {

// A record: u8 version (1), text definition ("id long,by decimal(2)": the key,
// and the type of the orders, which older records lack), then for each delete
// text key, i64 order, i64 time in ms (byte_fields.h).
constexpr uint8_t kVersion = 1;
constexpr std::string_view kBy = "by ";
constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

std::string key_of(const IngestionSettings& settings) {
  std::string text;
  for (size_t column : settings.key.columns) {
    const ColumnSpec& spec = settings.decoder.schema->columns[column];
    text += fmt::format("{} {},", spec.name, to_string(spec.type));
  }
  return text;
}

ColumnType order_type(const IngestionSettings& settings) {
  if (!settings.key.order_by) return {};
  return settings.decoder.schema->columns[*settings.key.order_by].type;
}

}  // namespace

RememberedDeletes::RememberedDeletes(const IngestionSettings& settings,
                                     MetadataStore& store, uint64_t most)
    : prefix_("deletes/" + settings.dataset + "/"),
      key_(key_of(settings)),
      order_type_(order_type(settings)),
      late_ms_(settings.accepted_late_ms()),
      retention_ms_(settings.retention_ms),
      most_(most),
      store_(store) {}

// Nothing if the record is not to be read.
std::optional<ColumnType> RememberedDeletes::order_type_of(
    std::string_view definition) const {
  if (!definition.starts_with(key_)) return std::nullopt;
  definition.remove_prefix(key_.size());
  if (definition.empty()) return order_type_;
  if (!definition.starts_with(kBy)) return std::nullopt;
  auto type = parse_column_type(definition.substr(kBy.size()));
  if (!type || !may_become(*type, order_type_)) return std::nullopt;
  return *type;
}

Result<RememberedDeletes::Record> RememberedDeletes::read(
    std::string_view key, std::string_view value,
    const std::function<Status(const Delete&)>& visit) const {
  FieldReader in(value);
  Record record{std::string(key), 0, kNever};
  if (in.take<uint8_t>() != kVersion || !in.valid()) {
    return Error{ErrorCode::kCorrupt,
                 "deletes cannot be read: " + std::string(key)};
  }
  auto stored = order_type_of(in.text());
  if (!stored) return record;
  while (in.valid() && in.rest() > 0) {
    std::string bytes = in.text();
    Delete one{bytes, in.signed_number(), Timestamp{in.signed_number()}};
    if (!in.valid()) break;
    one.order = widened_order(one.order, *stored, order_type_);
    TRY(visit(one));
    ++record.deletes;
    record.greatest_ms = std::max(record.greatest_ms, one.time.ms);
  }
  if (in.complete()) return record;
  return Error{ErrorCode::kCorrupt, "deletes are cut off: " + record.key};
}

Status RememberedDeletes::load(
    const std::function<Status(const Delete&)>& visit) {
  std::vector<std::string> foreign;
  Status failed;
  TRY(store_.scan(prefix_, "",
                  [&](std::string_view key, std::string_view value) {
                    auto record = read(key, value, visit);
                    if (!record) {
                      failed = record.error();
                    } else if (record->deletes == 0) {
                      foreign.emplace_back(key);
                    } else {
                      note(std::move(*record));
                    }
                    return failed.has_value();
                  }));
  TRY(failed);
  return foreign.empty() ? Status() : store_.change({}, foreign);
}

void RememberedDeletes::note(Record record) {
  kept_ += record.deletes;
  records_.push_back(std::move(record));
}

void RememberedDeletes::add(const Delete& one) {
  FieldWriter out(open_);
  if (open_.empty()) {
    out.put(kVersion);
    out.put(key_ + std::string(kBy) + to_string(order_type_));
    open_record_ = {{}, 0, kNever};
  }
  out.put(one.key);
  out.put(one.order);
  out.put(one.time.ms);
  ++open_record_.deletes;
  open_record_.greatest_ms = std::max(open_record_.greatest_ms, one.time.ms);
}

std::vector<std::pair<std::string, std::string>> RememberedDeletes::take() {
  if (open_.empty()) return {};
  open_record_.key = fmt::format("{}{:015}_{:06}", prefix_, now().ms, ++taken_);
  std::vector<std::pair<std::string, std::string>> puts;
  puts.emplace_back(open_record_.key, std::move(open_));
  note(std::move(open_record_));
  open_.clear();
  return puts;
}

Timestamp RememberedDeletes::horizon(Timestamp least_watermark,
                                     Timestamp now) const {
  Timestamp horizon = kMinTimestamp;
  if (late_ms_ >= 0 && least_watermark != kMinTimestamp) {
    horizon = Timestamp{least_watermark.ms - late_ms_};
  }
  if (retention_ms_ < 0) return horizon;
  return std::max(horizon, Timestamp{now.ms - retention_ms_});
}

std::vector<std::string> RememberedDeletes::forget(Timestamp horizon) {
  std::vector<std::string> removed;
  auto needed = [&](const Record& record) {
    if (record.greatest_ms >= horizon.ms && kept_ <= most_) return true;
    kept_ -= record.deletes;
    removed.push_back(record.key);
    return false;
  };
  std::deque<Record> left;
  for (Record& record : records_) {
    if (needed(record)) left.push_back(std::move(record));
  }
  records_ = std::move(left);
  return removed;
}

}  // namespace freshet
