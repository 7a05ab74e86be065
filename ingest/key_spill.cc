#include "ingest/key_spill.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "segments/disk_room.h"

namespace freshet {
namespace {

constexpr size_t kMegabyte = 1 << 20;
constexpr int kBloomBitsPerKey = 10;
constexpr size_t kKeyBytes = 16;
constexpr uint64_t kStoredBytes = 40;  // of a key, with what RocksDB adds

using KeyBytes = std::array<char, kKeyBytes>;

KeyBytes bytes_of(const KeyHash& key) {
  KeyBytes bytes;
  std::memcpy(bytes.data(), &key.high, 8);
  std::memcpy(bytes.data() + 8, &key.low, 8);
  return bytes;
}

rocksdb::Slice slice(const KeyBytes& bytes) {
  return rocksdb::Slice(bytes.data(), bytes.size());
}

Error spill_error(const rocksdb::Status& status, const std::string& folder) {
  return Error{ErrorCode::kIo,
               "spilled keys: " + status.ToString() + ": " + folder};
}

// Most look-ups are of keys that are not there: a filter in memory tells.
rocksdb::Options options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = 8 * kMegabyte;
  options.max_write_buffer_number = 2;
  options.max_open_files = 128;
  options.max_background_jobs = 2;
  options.compression = rocksdb::kNoCompression;  // hashes
  options.info_log_level = rocksdb::FATAL_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(64 * kMegabyte);
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

class RocksKeySpill final : public KeySpill {
 public:
  RocksKeySpill(std::string folder, std::unique_ptr<rocksdb::DB> db)
      : folder_(std::move(folder)), db_(std::move(db)) {}

  Status put(Keys keys) override {
    auto shortage = disk_shortage(folder_, keys.size() * kStoredBytes);
    if (shortage) return Error{ErrorCode::kLimit, *shortage};
    rocksdb::WriteBatch batch;
    for (const auto& [key, entry] : keys) {
      KeyBytes bytes = bytes_of(key);
      batch.Put(
          slice(bytes),
          rocksdb::Slice(reinterpret_cast<const char*>(&entry), sizeof entry));
    }
    rocksdb::WriteOptions write;
    write.disableWAL = true;
    rocksdb::Status status = db_->Write(write, &batch);
    if (!status.ok()) return spill_error(status, folder_);
    return {};
  }

  Result<std::optional<KeyEntry>> get(const KeyHash& key) override {
    KeyBytes bytes = bytes_of(key);
    rocksdb::PinnableSlice value;
    rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(),
                 slice(bytes), &value);
    if (status.IsNotFound()) return std::optional<KeyEntry>();
    if (!status.ok()) return spill_error(status, folder_);
    KeyEntry entry;
    if (value.size() != sizeof entry) {
      return Error{ErrorCode::kCorrupt, "spilled keys: an entry of " +
                                            std::to_string(value.size()) +
                                            " bytes: " + folder_};
    }
    std::memcpy(&entry, value.data(), sizeof entry);
    return std::optional(entry);
  }

 private:
  const std::string folder_;
  const std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

Result<std::unique_ptr<KeySpill>> KeySpill::open(const std::string& folder) {
  std::error_code failed;
  std::filesystem::remove_all(folder, failed);
  if (!failed) std::filesystem::create_directories(folder, failed);
  if (failed) {
    return Error{ErrorCode::kIo,
                 "spilled keys: " + failed.message() + ": " + folder};
  }
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options(), folder, &db);
  if (!status.ok()) return spill_error(status, folder);
  std::unique_ptr<KeySpill> spill =
      std::make_unique<RocksKeySpill>(folder, std::unique_ptr<rocksdb::DB>(db));
  return spill;
}

}  // namespace freshet
