#include <fmt/format.h>
#include <rocksdb/write_batch.h>
#include <xxhash.h>

#include <algorithm>

#include "ingest/embedded_log_rocks.h"
#include "ingest/field_value.h"
#include "segments/disk_room.h"

namespace freshet {
namespace {

constexpr size_t kEntryRecords = 4096;
constexpr size_t kEntryBytes = 1 << 20;
constexpr size_t kMaxKeyBytes = 64 << 10;

uint64_t hash_of(std::span<const EmbeddedLog::Record> records) {
  uint64_t hash = records.size();
  for (const EmbeddedLog::Record& record : records) {
    uint64_t one[2] = {hash, record_hash(record.key, record.value)};
    hash = XXH3_64bits(one, sizeof one);
  }
  return hash;
}

}  // namespace

Status RocksLog::check_room(const LogDataset& dataset) {
  int64_t unread = 0;
  for (const LogPartition& partition : dataset.partitions) {
    unread += partition.high - partition.read;
  }
  if (unread < limits_.unread_records &&
      dataset.unread_bytes < limits_.unread_bytes) {
    return {};
  }
  return Error{ErrorCode::kLimit,
               fmt::format("{} events of {} wait to be read; try again later",
                           unread, dataset.name)};
}

void RocksLog::build_parts(std::span<const Record> records, size_t partitions,
                           uint64_t keyless, PendingAppend& pending) {
  std::vector<int> open(partitions, -1);
  for (const Record& record : records) {
    pending.bytes += static_cast<int64_t>(record.value.size());
  }
  // Keyless records go to one partition: room for all of them.
  size_t room =
      std::min(static_cast<size_t>(pending.bytes) + 1024, kEntryBytes);
  for (const Record& record : records) {
    uint64_t hash = record.key.empty()
                        ? keyless
                        : XXH3_64bits(record.key.data(), record.key.size());
    auto partition = static_cast<uint32_t>(hash % partitions);
    int& part = open[partition];
    if (part < 0 ||
        pending.parts[static_cast<size_t>(part)].entry.records() >=
            kEntryRecords ||
        pending.parts[static_cast<size_t>(part)].entry.bytes() >= kEntryBytes) {
      part = static_cast<int>(pending.parts.size());
      pending.parts.push_back({partition, {}});
      if (record.key.empty()) pending.parts.back().entry.reserve(room);
    }
    pending.parts[static_cast<size_t>(part)].entry.add(record);
  }
}

Result<LogAnswer> RocksLog::append(const std::string& dataset,
                                   std::span<const Record> records,
                                   std::string_view idempotency_key) {
  if (idempotency_key.size() > kMaxKeyBytes) {
    return invalid("the idempotency key is too long");
  }
  PendingAppend pending;
  pending.idempotency_key = idempotency_key;
  size_t partitions = 0;
  uint64_t keyless = 0;
  {
    MutexLock lock(mutex_);
    pending.dataset = find(dataset);
    if (pending.dataset == nullptr) {
      return Error{ErrorCode::kNotFound, "no log for dataset " + dataset};
    }
    TRY(check_room(*pending.dataset));
    partitions = pending.dataset->partitions.size();
    if (!pending.dataset->in_order) keyless = pending.dataset->next_keyless++;
  }
  if (!idempotency_key.empty()) pending.hash = hash_of(records);
  build_parts(records, partitions, keyless, pending);
  MutexLock lock(mutex_);
  queue_.push_back(&pending);
  while (!pending.done) {
    if (leading_) {
      written_.wait(mutex_);
    } else {
      lead();
    }
  }
  TRY(pending.result);
  return std::move(pending.answer);
}

// Group commit: whoever finds no leader writes all that wait, with one sync.
void RocksLog::lead() {
  leading_ = true;
  std::vector<PendingAppend*> group;
  group.swap(queue_);
  for (PendingAppend* pending : group) {
    for (const auto& part : pending->parts) {
      assigned_[{pending->dataset, part.partition}] =
          pending->dataset->partitions[part.partition].high;
    }
  }
  mutex_.unlock();
  Status status = write_group(group);
  mutex_.lock();
  for (PendingAppend* pending : group) {
    if (!status && pending->result) pending->result = status;
    if (pending->result && !pending->answer.empty()) publish(*pending);
    pending->done = true;
  }
  assigned_.clear();
  leading_ = false;
  written_.signal_all();
  appended_.signal_all();
}

// Runs without the lock; only the leader is here.
Status RocksLog::write_group(std::span<PendingAppend* const> group) {
  int64_t bytes = 0;
  for (const PendingAppend* pending : group) bytes += pending->bytes;
  // A little more for what stands around the values.
  rocksdb::WriteBatch batch(static_cast<size_t>(bytes + bytes / 8 + 1024));
  Timestamp time = now();
  KeyedAppends keyed;
  for (PendingAppend* pending : group) {
    if (!pending->idempotency_key.empty()) answer_keyed(*pending, keyed);
    if (pending->result) add_entries(*pending, time, batch);
  }
  if (batch.Count() == 0) return {};
  if (auto shortage = disk_shortage(folder_, batch.GetDataSize())) {
    return Error{ErrorCode::kIo, "embedded log: " + *shortage};
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  auto status = db_->Write(synced, &batch);
  if (status.ok()) return {};
  return log_io_error("events cannot be written", status);
}

// Leaves nothing to append if the key was used before, also in this group. A
// refusal is the result of this append alone; the others of the group go on.
void RocksLog::answer_keyed(PendingAppend& pending, KeyedAppends& keyed) {
  std::pair key(pending.dataset, pending.idempotency_key);
  auto [same, first] = keyed.try_emplace(std::move(key), &pending);
  if (first) {
    pending.result = answered_before(pending);
    // What was refused says nothing of those that follow with its key.
    if (!pending.result) keyed.erase(same);
  } else {
    const PendingAppend& before = *same->second;
    pending.result = repeat(pending, {{}, before.answer, before.hash});
  }
}

Status RocksLog::repeat(PendingAppend& pending, const KeyedAnswer& first) {
  pending.parts.clear();
  if (first.hash && *first.hash != pending.hash) {
    return Error{ErrorCode::kConflict,
                 fmt::format("the idempotency key was used with another body; "
                             "nothing of this one is stored: {}",
                             shorten(pending.idempotency_key))};
  }
  pending.answer = first.answer;
  return {};
}

// One entry per part; for a key, its answer beside them.
void RocksLog::add_entries(PendingAppend& pending, Timestamp time,
                           rocksdb::WriteBatch& batch) {
  bool answered = !pending.answer.empty();
  for (auto& part : pending.parts) {
    int64_t& next = assigned_[{pending.dataset, part.partition}];
    int64_t base = next;
    next += part.entry.records();
    batch.Put(log_entry_key(pending.dataset->name, part.partition, base),
              part.entry.finish(time));
    pending.answer[log_partition_name(part.partition)] = next;
  }
  if (answered || pending.idempotency_key.empty()) return;
  batch.Put(log_prefix('k', pending.dataset->name) + pending.idempotency_key,
            encode_log_answer({time, pending.answer, pending.hash}));
}

Status RocksLog::answered_before(PendingAppend& pending) {
  std::string kept;
  auto status = db_->Get(
      rocksdb::ReadOptions(),
      log_prefix('k', pending.dataset->name) + pending.idempotency_key, &kept);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return log_io_error("cannot be read", status);
  KeyedAnswer first;
  TRY(read_log_answer(kept, first));
  if (first.time.ms + kIdempotencyMs < now().ms) return {};
  return repeat(pending, first);
}

void RocksLog::publish(PendingAppend& pending) {
  if (pending.parts.empty()) return;  // answered from before
  for (const auto& [name, next] : pending.answer) {
    auto number = parse_log_partition(name);
    LogPartition& partition = pending.dataset->partitions[*number];
    partition.high = std::max(partition.high, next);
  }
  pending.dataset->unread_bytes += pending.bytes;
}

}  // namespace freshet
