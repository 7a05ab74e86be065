// A source in memory, for tests of ingestion.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "ingest/source.h"
#include "segments/mutex.h"

namespace freshet {

// A log in memory that outlives the sources reading it.
struct MemoryLog {
  Mutex mutex;
  std::vector<std::vector<std::string>> partitions ABSL_GUARDED_BY(mutex);
  std::vector<int64_t> low ABSL_GUARDED_BY(mutex);

  explicit MemoryLog(size_t count) : partitions(count), low(count) {}
  void add(size_t partition, std::string value) {
    MutexLock lock(mutex);
    partitions[partition].push_back(std::move(value));
  }
};

class MemorySource final : public Source {
 public:
  explicit MemorySource(MemoryLog& log) : log_(log) {}
  Result<std::vector<PartitionBounds>> partitions() override {
    MutexLock lock(log_.mutex);
    std::vector<PartitionBounds> bounds;
    for (size_t i = 0; i < log_.partitions.size(); ++i) {
      bounds.push_back({fmt::format("m/{}", i), log_.low[i],
                        static_cast<int64_t>(log_.partitions[i].size())});
    }
    return bounds;
  }
  Status assign(const std::vector<AssignedPartition>& partitions) override {
    assigned_.clear();
    for (const auto& partition : partitions) {
      assigned_.push_back(
          {std::stoul(partition.name.substr(2)), partition.next});
    }
    return {};
  }
  Status poll(int64_t, size_t, MessageBatch& batch) override {
    batch.clear();
    batch.positions.clear();
    texts_.clear();
    MutexLock lock(log_.mutex);
    for (uint32_t i = 0; i < assigned_.size(); ++i) {
      auto& [number, next] = assigned_[i];
      const auto& partition = log_.partitions[number];
      for (int n = 0; n < 37; ++n) {
        if (next >= static_cast<int64_t>(partition.size())) break;
        texts_.push_back(partition[static_cast<size_t>(next)]);
        RawMessage message;
        message.partition = i;
        message.offset = next++;
        message.time = now();
        message.value = texts_.back();
        batch.messages.push_back(message);
      }
      batch.positions.push_back(next);
    }
    if (batch.messages.empty()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {};
  }
  Result<std::optional<StoredRecord>> read_one(const PartitionName& name,
                                               int64_t offset) override {
    MutexLock lock(log_.mutex);
    const auto& partition = log_.partitions[std::stoul(name.substr(2))];
    if (offset >= static_cast<int64_t>(partition.size())) {
      return std::optional<StoredRecord>();
    }
    StoredRecord record;
    record.hash = record_hash("", partition[static_cast<size_t>(offset)]);
    return std::optional(record);
  }
  void report_committed(const std::map<PartitionName, int64_t>&) override {}
  SourceStatus status() const override {
    SourceStatus status;
    status.connected = true;
    MutexLock lock(log_.mutex);
    for (size_t i = 0; i < log_.partitions.size(); ++i) {
      status.high[fmt::format("m/{}", i)] =
          static_cast<int64_t>(log_.partitions[i].size());
    }
    return status;
  }
  const char* kind() const override { return "memory"; }

 private:
  MemoryLog& log_;
  std::vector<std::pair<size_t, int64_t>> assigned_;
  std::deque<std::string> texts_;
};

}  // namespace freshet
