#include "server/application_lookup.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "ingest/kafka_source.h"
#include "ingest/lookup_rows.h"
#include "server/application_dataset_settings.h"
#include "server/application_sources.h"
#include "server/query/expression_type.h"

namespace freshet {
namespace {

// A table is copied to be changed: so much of the time it may take.
constexpr int kRestPerEffort = 9;
constexpr auto kLeastRest = std::chrono::milliseconds(5);
// Values in memory beside the bytes of a row on disk, about.
constexpr uint64_t kValueBytes = sizeof(Value);

Value value_of(const ColumnBatch& batch, size_t column, uint32_t row) {
  const ColumnBuffer& buffer = batch.columns()[column];
  if (buffer.nulls[row]) return Value();
  const ColumnType type = batch.schema().columns[column].type;
  switch (type.kind) {
    case ColumnKind::kString:
      return Value(buffer.strings[row]);
    case ColumnKind::kDouble:
      return Value(buffer.doubles[row]);
    case ColumnKind::kDecimal:
      return Value(Decimal{buffer.longs[row], type.scale});
    case ColumnKind::kBool:
      return Value(buffer.longs[row] != 0);
    case ColumnKind::kTimestamp:
      return Value(Timestamp{buffer.longs[row]});
    case ColumnKind::kLong:
      break;
  }
  return Value(buffer.longs[row]);
}

Value key_value(const std::string& key, ColumnKind kind) {
  if (kind == ColumnKind::kString) return Value(key);
  return Value(static_cast<int64_t>(std::strtoll(key.c_str(), nullptr, 10)));
}

// Where the rows come from and how they are read, as far as rows that are kept
// depend on it.
std::string rows_text(const LookupModel& lookup) {
  if (lookup.over_http) return "http";
  const DatasetModel& rows = lookup.rows;
  std::string text = rows.format.name + '\n' + rows.format.explode + '\n' +
                     rows.format.record + '\n';
  if (auto* kafka = std::get_if<KafkaSourceModel>(&rows.source)) {
    for (const std::string& topic : kafka->topics) text += topic + '\n';
  } else if (auto* files = std::get_if<FilesSourceModel>(&rows.source)) {
    text += files->path + '\n';
  }
  for (const ColumnModel& column : rows.columns) {
    text += column.name + '\n' + to_string(column.type) + '\n' + column.path +
            '\n' + column.message + '\n' + column.default_text.value_or("\1") +
            '\n' + column.pii_stored + '\n';
    if (column.derived) text += to_text(*column.derived) + '\n';
  }
  if (rows.filter) text += to_text(*rows.filter);
  return text;
}

const char* source_kind(const LookupModel& lookup) {
  if (lookup.over_http) return "http";
  bool kafka = std::holds_alternative<KafkaSourceModel>(lookup.rows.source);
  return kafka ? "kafka" : "files";
}

}  // namespace

std::string KeptLookup::definition(const LookupModel& lookup) {
  return fmt::format("{}\n{}\n{}\n{}\n{}", source_kind(lookup), lookup.key,
                     lookup.max_keys, lookup.max_bytes,
                     fingerprint(lookup.rows));
}

KeptLookup::KeptLookup(std::shared_ptr<const Model> model,
                       const LookupModel& lookup, const Surroundings& around)
    : model_(std::move(model)),
      lookup_(lookup),
      scratch_(around.scratch),
      versions_(around.versions),
      changed_(around.changed),
      empty_([&] {
        auto shape = model_->lookup_shapes->snapshot(lookup.name);
        return *LookupTable::create(lookup.name,
                                    fmt::to_string(++around.versions),
                                    shape->key(), shape->columns(), {});
      }()),
      key_(lookup.rows.schema->find(lookup.key).value()),
      store_(around.store, lookup.name, lookup.rows.schema, key_,
             rows_text(lookup)),
      batch_(lookup.rows.schema),
      table_(empty_) {}

Result<std::unique_ptr<KeptLookup>> KeptLookup::open(
    std::shared_ptr<const Model> model, const LookupModel& lookup,
    const Surroundings& around) {
  std::unique_ptr<KeptLookup> kept(
      new KeptLookup(std::move(model), lookup, around));
  MutexLock lock(kept->write_mutex_);
  TRY(kept->load());
  return kept;
}

Status KeptLookup::load() {
  TRY(store_.open());
  std::vector<LookupTable::Edit> edits;
  TRY(store_.read([&](std::string_view key, std::string_view row) -> Status {
    TRY_ASSIGN(auto edit, edit_of({std::string(key), std::string(row), {}}));
    edits.push_back(std::move(edit));
    return {};
  }));
  publish(next_table(std::move(edits), true), {});
  return {};
}

LookupSettings KeptLookup::settings() const {
  IngestionSettings rows = ingestion_settings(lookup_.rows, nullptr);
  LookupSettings settings;
  settings.name = lookup_.name;
  settings.decoder = std::move(rows.decoder);
  settings.decoder.key = {key_};
  settings.transform = std::move(rows.transform);
  settings.key = key_;
  settings.max_keys = lookup_.max_keys;
  settings.max_bytes = lookup_.max_bytes;
  return settings;
}

Status KeptLookup::start() {
  if (lookup_.over_http) return {};
  std::unique_ptr<LookupFeed> feed;
  if (auto* kafka = std::get_if<KafkaSourceModel>(&lookup_.rows.source)) {
    TRY_ASSIGN(auto source,
               open_kafka_source(kafka_settings(*kafka, lookup_.rows)));
    std::map<PartitionName, OffsetRecord> offsets;
    bool complete = false;
    {
      MutexLock lock(write_mutex_);
      TRY_ASSIGN(offsets, store_.offsets());
      complete = store_.state().complete;
    }
    TRY_ASSIGN(feed, start_lookup_stream(settings(), std::move(source),
                                         std::move(offsets), complete, *this));
  } else {
    const auto& files = std::get<FilesSourceModel>(lookup_.rows.source);
    std::string known;
    {
      MutexLock lock(write_mutex_);
      known = store_.state().files;
    }
    TRY_ASSIGN(feed, start_lookup_files(settings(),
                                        file_settings(files, model_->folder),
                                        scratch_, std::move(known), *this));
  }
  MutexLock lock(feed_mutex_);
  feed_ = std::move(feed);
  return {};
}

void KeptLookup::stop() {
  std::unique_ptr<LookupFeed> feed;
  {
    MutexLock lock(feed_mutex_);
    feed = std::move(feed_);
  }
  feed.reset();
  MutexLock lock(write_mutex_);
  closed_ = true;
}

Status KeptLookup::ready() const {
  if (lookup_.over_http) return {};
  {
    MutexLock lock(mutex_);
    if (kept_.complete) return {};
  }
  std::string error;
  MutexLock lock(feed_mutex_);
  if (feed_) error = feed_->state().error;
  return Error{ErrorCode::kUnavailable,
               fmt::format("the lookup {} is not read yet{}{}", lookup_.name,
                           error.empty() ? "" : ": ", error)};
}

LookupStatus KeptLookup::status() const {
  LookupStatus status;
  status.source = source_kind(lookup_);
  status.state = state_name(IngestionState::kRunning);
  status.max_keys = lookup_.max_keys;
  status.max_bytes = lookup_.max_bytes;
  {
    MutexLock lock(mutex_);
    status.complete = lookup_.over_http || kept_.complete;
    status.rows = table_->num_rows();
    status.memory_bytes = table_bytes_;
    status.changed = kept_.changed;
  }
  MutexLock lock(feed_mutex_);
  if (!feed_) return status;
  LookupFeedState feed = feed_->state();
  status.state = state_name(feed.state);
  status.error = feed.error;
  status.complete =
      status.complete && feed.whole && feed.state == IngestionState::kRunning;
  status.messages = feed.messages;
  status.rejected = feed.rejected;
  status.last_rejection = feed.last_rejection;
  for (const PartitionProgress& partition : feed.partitions) {
    int64_t lag = partition.lag();
    if (lag >= 0) status.lag = std::max<int64_t>(status.lag, 0) + lag;
  }
  return status;
}

Result<LookupTable::Edit> KeptLookup::edit_of(const LookupEntry& entry) {
  const Schema& schema = *lookup_.rows.schema;
  LookupTable::Edit edit;
  edit.key = key_value(entry.key, schema.columns[key_].type.kind);
  if (!entry.row) return edit;
  batch_.clear();
  TRY(decode_lookup_row(*entry.row, batch_));
  std::vector<Value> values;
  for (size_t c = 1; c < schema.columns.size(); ++c) {
    if (c != key_) values.push_back(value_of(batch_, c, 0));
  }
  edit.values = std::move(values);
  return edit;
}

Result<std::vector<LookupTable::Edit>> KeptLookup::edits_of(
    const LookupChange& change) {
  std::vector<LookupTable::Edit> edits;
  edits.reserve(change.entries.size());
  for (const LookupEntry& entry : change.entries) {
    TRY_ASSIGN(auto edit, edit_of(entry));
    edits.push_back(std::move(edit));
  }
  return edits;
}

std::shared_ptr<const LookupTable> KeptLookup::next_table(
    std::vector<LookupTable::Edit> edits, bool replaces) {
  std::shared_ptr<const LookupTable> base = replaces ? empty_ : table();
  std::vector<LookupTable::Edit> all;
  if (!replaces) all = pending_;
  all.insert(all.end(), std::make_move_iterator(edits.begin()),
             std::make_move_iterator(edits.end()));
  return base->edited(fmt::to_string(++versions_), std::move(all));
}

Status KeptLookup::check_size(const LookupTable& table) const {
  auto beyond = [&](const char* limit, uint64_t value, uint64_t most) {
    return Error{ErrorCode::kLimit,
                 fmt::format("lookup {} would have {}, more than its {} allows "
                             "(set in {}): {}",
                             lookup_.name, value, limit, lookup_.file, most)};
  };
  if (table.num_rows() > lookup_.max_keys) {
    return beyond("max_keys", table.num_rows(), lookup_.max_keys);
  }
  uint64_t bytes = table.memory_bytes();
  if (bytes > lookup_.max_bytes) {
    return beyond("max_bytes", bytes, lookup_.max_bytes);
  }
  return {};
}

// Durable, then visible; nothing of it if the lookup would grow too large.
Status KeptLookup::change(LookupChange& change, bool at_once) {
  if (closed_) {
    return Error{
        ErrorCode::kUnavailable,
        "the lookup is closed or defined anew; try again: " + lookup_.name};
  }
  TRY(store_.fill_kept(change));
  TRY_ASSIGN(auto edits, edits_of(change));
  uint64_t bytes = pending_bytes_;
  for (const LookupEntry& entry : change.entries) {
    bytes += entry.key.size() + (entry.row ? entry.row->size() : 0) +
             kValueBytes * lookup_.rows.schema->columns.size();
  }
  uint64_t rows = pending_.size() + edits.size();
  {
    MutexLock lock(mutex_);
    rows += table_->num_rows();
    bool might_burst =
        rows > lookup_.max_keys || table_bytes_ + bytes > lookup_.max_bytes;
    at_once = at_once || change.replaces || might_burst;
  }
  std::shared_ptr<const LookupTable> next;
  auto begun = Clock::now();
  if (at_once && (change.replaces || !edits.empty() || !pending_.empty())) {
    next = next_table(edits, change.replaces);
    TRY(check_size(*next));
  }
  auto effort = Clock::now() - begun;
  TRY(store_.write(change));
  if (next) {
    publish(std::move(next), effort);
    return {};
  }
  pending_.insert(pending_.end(), std::make_move_iterator(edits.begin()),
                  std::make_move_iterator(edits.end()));
  pending_bytes_ = bytes;
  MutexLock lock(mutex_);
  kept_ = store_.state();
  return {};
}

void KeptLookup::publish(std::shared_ptr<const LookupTable> table,
                         Clock::duration effort) {
  pending_.clear();
  pending_bytes_ = 0;
  next_publish_ = Clock::now() + std::max<Clock::duration>(
                                     kLeastRest, kRestPerEffort * effort);
  uint64_t bytes = table->memory_bytes();
  {
    MutexLock lock(mutex_);
    table_ = std::move(table);
    table_bytes_ = bytes;
    kept_ = store_.state();
  }
  if (changed_) changed_();
}

Status KeptLookup::take(LookupChange& change) {
  MutexLock lock(write_mutex_);
  // What completes it is seen at once: others may wait for it.
  bool at_once = change.complete && !store_.state().complete;
  return this->change(change, at_once);
}

void KeptLookup::idle() {
  MutexLock lock(write_mutex_);
  if (pending_.empty() || Clock::now() < next_publish_) return;
  auto begun = Clock::now();
  auto next = next_table({}, false);
  publish(std::move(next), Clock::now() - begun);
}

}  // namespace freshet
