#include "segments/metadata_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>

#include "segments/disk_room.h"
#include "segments/metadata_records.h"
#include "segments/metadata_store_log.h"
#include "segments/mutex.h"

namespace freshet {
namespace {

constexpr size_t kMegabyte = 1 << 20;

rocksdb::Slice slice(std::string_view text) {
  return rocksdb::Slice(text.data(), text.size());
}

std::string_view view(const rocksdb::Slice& text) {
  return std::string_view(text.data(), text.size());
}

std::string segment_key(std::string_view dataset, std::string_view id) {
  return "segment/" + std::string(dataset) + "/" + std::string(id);
}

std::string hidden_key(std::string_view dataset, std::string_view id) {
  return "hidden/" + std::string(dataset) + "/" + std::string(id);
}

std::string offset_key(std::string_view dataset, std::string_view partition) {
  return "offset/" + std::string(dataset) + "/" + std::string(partition);
}

Error store_error(const rocksdb::Status& status, std::string_view subject) {
  ErrorCode code = status.IsCorruption() ? ErrorCode::kCorrupt : ErrorCode::kIo;
  return Error{code, "metadata store: " + status.ToString() + ": " +
                         std::string(subject)};
}

// RocksDB reports a held LOCK file as an IOError like any other; these are
// its words for one held by this and by another process.
bool is_lock_held(const rocksdb::Status& status) {
  std::string text = status.ToString();
  return text.find("lock hold by current process") != std::string::npos ||
         (text.find("While lock file") != std::string::npos &&
          (text.find("temporarily unavailable") != std::string::npos ||
           text.find("Permission denied") != std::string::npos));
}

// The store is a few megabytes; memory is kept for segments.
rocksdb::Options small_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = 4 * kMegabyte;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = 8 * kMegabyte;
  // Not the default, which drops what follows a damaged record without a word:
  // committed segments would be gone, and their files taken for orphans.
  options.wal_recovery_mode =
      rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.max_open_files = 64;
  options.max_background_jobs = 2;
  options.compression = rocksdb::kNoCompression;
  options.info_log = std::make_shared<QuietRocksLog>();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(2 * kMegabyte);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class RocksMetadataStore final : public MetadataStore {
 public:
  RocksMetadataStore(std::string folder, std::unique_ptr<rocksdb::DB> db)
      : folder_(std::move(folder)), db_(std::move(db)) {
    synced_.sync = true;
  }

  Status commit(const Commit& commit) override {
    MutexLock lock(commit_mutex_);
    for (const Commit::Advance& advance : commit.offsets) {
      TRY(check_expected(commit.dataset, advance));
    }
    rocksdb::WriteBatch batch;
    fill(commit, batch);
    return write(batch, commit.dataset, ErrorCode::kLimit);
  }

  Result<std::vector<SegmentRecord>> segments(
      std::string_view dataset) const override {
    std::vector<SegmentRecord> records;
    Status fault;
    TRY(scan(segment_key(dataset, ""), "",
             [&](std::string_view key, std::string_view value) {
               auto record = decode_segment_record(key, value);
               if (record) records.push_back(std::move(*record));
               if (!record) fault = record.error();
               return record.has_value();
             }));
    TRY(fault);
    return records;
  }

  Result<std::vector<std::pair<std::string, OffsetRecord>>> offsets(
      std::string_view dataset) const override {
    std::vector<std::pair<std::string, OffsetRecord>> records;
    std::string prefix = offset_key(dataset, "");
    Status fault;
    TRY(scan(prefix, "", [&](std::string_view key, std::string_view value) {
      auto record = decode_offset_record(key, value);
      if (record) {
        records.emplace_back(std::string(key.substr(prefix.size())), *record);
      } else {
        fault = record.error();
      }
      return record.has_value();
    }));
    TRY(fault);
    return records;
  }

  Result<std::map<std::string, std::shared_ptr<const Bitmap>>> hidden(
      std::string_view dataset) const override {
    std::map<std::string, std::shared_ptr<const Bitmap>> found;
    std::string prefix = hidden_key(dataset, "");
    Status fault;
    TRY(scan(prefix, "", [&](std::string_view key, std::string_view value) {
      auto rows = decode_hidden(key, value);
      if (rows) {
        found[std::string(key.substr(prefix.size()))] =
            std::make_shared<const Bitmap>(std::move(*rows));
      } else {
        fault = rows.error();
      }
      return rows.has_value();
    }));
    TRY(fault);
    return found;
  }

  Status put(std::string_view key, std::string_view value) override {
    rocksdb::WriteBatch batch;
    batch.Put(slice(key), slice(value));
    return write(batch, key);
  }

  Status remove(std::string_view key) override {
    rocksdb::WriteBatch batch;
    batch.Delete(slice(key));
    return write(batch, key);
  }

  Status change(const std::vector<std::pair<std::string, std::string>>& puts,
                const std::vector<std::string>& removed) override {
    rocksdb::WriteBatch batch;
    for (const auto& [key, value] : puts) batch.Put(key, value);
    for (const std::string& key : removed) batch.Delete(key);
    return write(batch, "several keys");
  }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    std::string value;
    rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return store_error(status, key);
    return std::optional<std::string>(std::move(value));
  }

  Status scan(std::string_view prefix, std::string_view start_after,
              const std::function<bool(std::string_view, std::string_view)>&
                  visit) const override {
    std::unique_ptr<rocksdb::Iterator> it(
        db_->NewIterator(rocksdb::ReadOptions()));
    it->Seek(slice(std::max(prefix, start_after)));
    if (it->Valid() && !start_after.empty() && view(it->key()) == start_after) {
      it->Next();
    }
    for (; it->Valid() && view(it->key()).starts_with(prefix); it->Next()) {
      if (!visit(view(it->key()), view(it->value()))) break;
    }
    if (!it->status().ok()) return store_error(it->status(), prefix);
    return {};
  }

  Status checkpoint(const std::string& folder) override {
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
    std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) status = checkpoint->CreateCheckpoint(folder);
    if (!status.ok()) return store_error(status, folder);
    return {};
  }

 private:
  Status check_expected(const std::string& dataset,
                        const Commit::Advance& advance) const {
    std::string key = offset_key(dataset, advance.partition);
    TRY_ASSIGN(std::optional<std::string> bytes, get(key));
    std::optional<int64_t> stored;
    if (bytes) {
      TRY_ASSIGN(OffsetRecord record, decode_offset_record(key, *bytes));
      stored = record.next;
    }
    if (stored == advance.expected_next) return {};
    auto text = [](std::optional<int64_t> next) {
      return next ? std::to_string(*next) : std::string("none");
    };
    return Error{ErrorCode::kConflict,
                 "stored offset is not the expected one: expected " +
                     text(advance.expected_next) + ", stored " + text(stored) +
                     ": " + key};
  }

  static void fill(const Commit& commit, rocksdb::WriteBatch& batch) {
    for (const SegmentRecord& record : commit.added) {
      batch.Put(segment_key(commit.dataset, record.id),
                encode_segment_record(record));
    }
    for (const std::string& id : commit.removed) {
      batch.Delete(segment_key(commit.dataset, id));
      batch.Delete(hidden_key(commit.dataset, id));
    }
    for (const auto& [id, rows] : commit.hidden) {
      batch.Put(hidden_key(commit.dataset, id), encode_hidden(*rows));
    }
    for (const Commit::Advance& advance : commit.offsets) {
      batch.Put(offset_key(commit.dataset, advance.partition),
                encode_offset_record(advance.record));
    }
    for (const std::string& key : commit.removed_keys) batch.Delete(key);
    for (const auto& [key, value] : commit.puts) batch.Put(key, value);
  }

  Status write(rocksdb::WriteBatch& batch, std::string_view subject,
               ErrorCode full = ErrorCode::kIo) {
    if (auto shortage = disk_shortage(folder_, batch.GetDataSize())) {
      return Error{full, "metadata store: " + *shortage};
    }
    rocksdb::Status status = db_->Write(synced_, &batch);
    if (status.ok()) return {};
    return store_error(status, subject);
  }

  const std::string folder_;
  rocksdb::WriteOptions synced_;
  const std::unique_ptr<rocksdb::DB> db_;
  Mutex commit_mutex_;  // makes check-then-write of offsets one step
};

}  // namespace

Result<std::unique_ptr<MetadataStore>> MetadataStore::open(
    const std::string& folder, FileSystem& files) {
  TRY(files.create_folders(folder));
  rocksdb::Options options = small_options();
  if (rocksdb::Env* env = files.rocks_env()) options.env = env;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, folder, &db);
  if (!status.ok() && is_lock_held(status)) {
    return Error{ErrorCode::kConflict, "in use by another process: " + folder};
  }
  if (!status.ok()) return store_error(status, folder);
  return std::unique_ptr<MetadataStore>(std::make_unique<RocksMetadataStore>(
      folder, std::unique_ptr<rocksdb::DB>(db)));
}

Result<std::unique_ptr<MetadataStore>> MetadataStore::open_to_read(
    const std::string& folder) {
  rocksdb::Options options = small_options();
  options.create_if_missing = false;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, folder, &db);
  if (!status.ok()) return store_error(status, folder);
  return std::unique_ptr<MetadataStore>(std::make_unique<RocksMetadataStore>(
      folder, std::unique_ptr<rocksdb::DB>(db)));
}

Result<std::set<std::string>> datasets_of(const MetadataStore& metadata) {
  constexpr std::string_view kPrefix = "segment/";
  std::set<std::string> names;
  auto visit = [&](std::string_view key, std::string_view) {
    key.remove_prefix(kPrefix.size());
    names.insert(std::string(key.substr(0, key.find('/'))));
    return true;
  };
  TRY(metadata.scan(kPrefix, "", visit));
  return names;
}

}  // namespace freshet
