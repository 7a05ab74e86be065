#include "ingest/lookup_store.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <spdlog/spdlog.h>

#include "ingest/lookup_rows.h"
#include "segments/byte_fields.h"
#include "segments/metadata_records.h"

namespace freshet {
namespace {

constexpr uint8_t kStateVersion = 1;

std::string encode_state(const LookupState& state) {
  std::string bytes;
  FieldWriter out(bytes);
  out.put(kStateVersion);
  out.put(state.columns);
  out.put(state.source);
  out.put(state.files);
  out.put(static_cast<uint8_t>(state.complete));
  out.put(state.changed.ms);
  return bytes;
}

Result<LookupState> decode_state(const std::string& key,
                                 std::string_view bytes) {
  FieldReader in(bytes);
  uint8_t version = in.take<uint8_t>();
  if (version > kStateVersion) {
    return Error{ErrorCode::kUnsupported,
                 "written by a newer version of Freshet: " + key};
  }
  LookupState state;
  state.columns = in.text();
  state.source = in.text();
  state.files = in.text();
  state.complete = in.take<uint8_t>() != 0;
  state.changed.ms = in.signed_number();
  if (version == kStateVersion && in.complete()) return state;
  return Error{ErrorCode::kCorrupt, "not the state of a lookup: " + key};
}

// The key's column first, so that another key is seen.
std::string columns_text(const Schema& schema, size_t key) {
  std::string text = schema.columns[key].name + '\n';
  for (size_t c = 1; c < schema.columns.size(); ++c) {
    text += schema.columns[c].name + '\n' + to_string(schema.columns[c].type) +
            '\n';
  }
  return text;
}

// The schema that columns_text was made of; nothing if it is none.
std::optional<Schema> columns_of(std::string_view text, std::string& key) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    if (end == text.npos) return std::nullopt;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (lines.size() % 2 != 1) return std::nullopt;
  key = lines[0];
  Schema schema;
  schema.columns.push_back(
      {std::string(kTimeColumn), {ColumnKind::kTimestamp, 0}, false});
  for (size_t i = 1; i < lines.size(); i += 2) {
    auto type = parse_column_type(lines[i + 1]);
    if (!type) return std::nullopt;
    schema.columns.push_back({lines[i], *type, false});
  }
  return schema;
}

}  // namespace

LookupStore::LookupStore(MetadataStore& store, std::string name,
                         std::shared_ptr<const Schema> schema, size_t key,
                         std::string source)
    : store_(store),
      name_(std::move(name)),
      schema_(std::move(schema)),
      key_(key),
      source_(std::move(source)) {}

Status LookupStore::open() {
  TRY_ASSIGN(auto bytes, store_.get(prefix("state")));
  std::string columns = columns_text(*schema_, key_);
  if (bytes) {
    TRY_ASSIGN(state_, decode_state(prefix("state"), *bytes));
    if (state_.source != source_) {
      spdlog::warn("lookup {}: its source is another one now, it is read anew",
                   name_);
      TRY(drop());
    } else if (state_.columns != columns) {
      std::string key;
      auto old = columns_of(state_.columns, key);
      if (old && key == schema_->columns[key_].name && old->find(key) &&
          old->columns[*old->find(key)].type == schema_->columns[key_].type) {
        TRY(convert(*old));
      } else {
        spdlog::warn("lookup {}: its key is another one now, its rows are gone",
                     name_);
        TRY(drop());
      }
    }
  }
  state_.columns = std::move(columns);
  state_.source = source_;
  return store_.put(prefix("state"), encode_state(state_));
}

Status LookupStore::drop() {
  TRY_ASSIGN(auto removed, keys_under(""));
  TRY(store_.change({}, removed));
  state_ = LookupState();
  return {};
}

// In one step with the columns.
Status LookupStore::convert(const Schema& old) {
  auto shared = std::make_shared<const Schema>(old);
  std::vector<std::pair<std::string, std::string>> puts;
  Status fault;
  TRY(store_.scan(
      prefix("row/"), "", [&](std::string_view key, std::string_view row) {
        ColumnBatch before(shared), after(schema_);
        fault = decode_lookup_row(row, before);
        if (!fault) return false;
        for (size_t c = 1; c < schema_->columns.size(); ++c) {
          auto from = old.find(schema_->columns[c].name);
          if (from) copy_lookup_value(before, *from, 0, c, after);
        }
        after.commit_row();
        puts.emplace_back(std::string(key), encode_lookup_row(after, 0));
        return true;
      }));
  TRY(fault);
  state_.columns = columns_text(*schema_, key_);
  puts.emplace_back(prefix("state"), encode_state(state_));
  return store_.change(puts, {});
}

Result<std::map<PartitionName, OffsetRecord>> LookupStore::offsets() const {
  std::map<PartitionName, OffsetRecord> found;
  std::string start = prefix("offset/");
  Status fault;
  TRY(store_.scan(start, "", [&](std::string_view key, std::string_view value) {
    auto record = decode_offset_record(key, value);
    if (record) {
      found[std::string(key.substr(start.size()))] = *record;
    } else {
      fault = record.error();
    }
    return record.has_value();
  }));
  TRY(fault);
  return found;
}

Status LookupStore::read(
    const std::function<Status(std::string_view, std::string_view)>& visit)
    const {
  std::string start = prefix("row/");
  Status fault;
  TRY(store_.scan(start, "", [&](std::string_view key, std::string_view row) {
    fault = visit(key.substr(start.size()), row);
    return fault.has_value();
  }));
  return fault;
}

Result<std::vector<std::string>> LookupStore::keys_under(
    const std::string& part) const {
  std::vector<std::string> keys;
  TRY(store_.scan(prefix(part), "",
                  [&](std::string_view key, std::string_view) {
                    keys.emplace_back(key);
                    return true;
                  }));
  return keys;
}

// PostgreSQL leaves out values that did not change: the row before has them.
Status LookupStore::fill_kept(LookupChange& change) const {
  absl::flat_hash_map<std::string_view, size_t> earlier;  // entry by key
  for (size_t i = 0; i < change.entries.size(); ++i) {
    LookupEntry& entry = change.entries[i];
    if (entry.row && !entry.kept.empty()) {
      std::optional<std::string> before;
      auto at = earlier.find(entry.key);
      if (at != earlier.end()) {
        before = change.entries[at->second].row;
      } else if (!change.replaces) {
        TRY_ASSIGN(before, store_.get(prefix("row/") + entry.key));
      }
      if (before) {
        ColumnBatch old(schema_), made(schema_);
        TRY(decode_lookup_row(*before, old));
        TRY(decode_lookup_row(*entry.row, made));
        ColumnBatch both(schema_);
        for (uint32_t c = 1; c < schema_->columns.size(); ++c) {
          bool kept = std::ranges::find(entry.kept, c) != entry.kept.end();
          copy_lookup_value(kept ? old : made, c, 0, c, both);
        }
        both.commit_row();
        entry.row = encode_lookup_row(both, 0);
      }
      entry.kept.clear();
    }
    earlier[entry.key] = i;
  }
  return {};
}

Status LookupStore::write(const LookupChange& change) {
  LookupState state = state_;
  state.complete = state.complete || change.complete;
  if (change.files) state.files = *change.files;
  if (!change.entries.empty() || change.replaces) state.changed = now();
  absl::flat_hash_map<std::string_view, const LookupEntry*> last;
  for (const LookupEntry& entry : change.entries) last[entry.key] = &entry;
  std::vector<std::pair<std::string, std::string>> puts;
  std::vector<std::string> removed;
  std::string rows = prefix("row/");
  for (const auto& [key, entry] : last) {
    std::string place = rows + entry->key;
    if (entry->row) {
      puts.emplace_back(std::move(place), *entry->row);
    } else {
      removed.push_back(std::move(place));
    }
  }
  if (change.replaces) {
    TRY_ASSIGN(auto before, keys_under("row/"));
    for (std::string& key : before) {
      if (!last.contains(std::string_view(key).substr(rows.size()))) {
        removed.push_back(std::move(key));
      }
    }
  }
  for (const auto& [partition, record] : change.offsets) {
    puts.emplace_back(prefix("offset/") + partition,
                      encode_offset_record(record));
  }
  puts.emplace_back(prefix("state"), encode_state(state));
  TRY(store_.change(puts, removed));
  state_ = std::move(state);
  return {};
}

}  // namespace freshet
