#include "ingest/message_sample.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace freshet {
namespace {

constexpr std::chrono::milliseconds kAskAgain(200);

}  // namespace

std::string_view MessageSample::keep(std::string_view text) {
  return texts_.emplace_back(text);
}

void MessageSample::add(const RawMessage& message) {
  RawMessage copy = message;
  copy.partition_name = keep(message.partition_name);
  copy.key = keep(message.key);
  copy.value = keep(message.value);
  std::vector<MessageHeader>& headers = headers_.emplace_back();
  for (const MessageHeader& header : message.headers) {
    headers.push_back({keep(header.name), keep(header.value)});
  }
  copy.headers = headers;
  messages_.push_back(copy);
}

void MessageSample::add(std::string_view value) {
  RawMessage message;
  message.value = value;
  message.offset = static_cast<int64_t>(messages_.size());
  message.time = now();
  add(message);
}

Result<MessageSample> sample_source(Source& source, size_t most,
                                    int64_t timeout_ms) {
  using Clock = std::chrono::steady_clock;
  auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  MessageSample sample;
  auto asked = source.partitions();
  // A topic that was just made has no leader for a moment.
  while (!asked && asked.error().code == ErrorCode::kUnavailable &&
         Clock::now() < end) {
    std::this_thread::sleep_for(kAskAgain);
    asked = source.partitions();
  }
  if (!asked) return asked.error();
  std::vector<PartitionBounds> bounds = std::move(*asked);
  std::erase_if(bounds, [](const auto& b) { return b.low >= b.high; });
  if (bounds.empty() || most == 0) return sample;
  // What short partitions lack, longer ones give.
  std::ranges::sort(bounds, {}, [](const auto& b) { return b.high - b.low; });
  std::vector<AssignedPartition> partitions;
  std::vector<int64_t> highs;
  auto left = static_cast<int64_t>(most);
  auto others = static_cast<int64_t>(bounds.size());
  for (const PartitionBounds& bound : bounds) {
    int64_t share = std::min(bound.high - bound.low, (left - 1) / others-- + 1);
    left = std::max<int64_t>(left - share, 1);
    partitions.push_back({bound.name, bound.high - share});
    highs.push_back(bound.high);
  }
  TRY(source.assign(partitions));
  MessageBatch batch;
  for (bool more = true; more && Clock::now() < end;) {
    TRY(source.poll(100, most, batch));
    for (const RawMessage& message : batch.messages) {
      if (sample.messages().size() < most) sample.add(message);
    }
    if (!batch.faults.empty()) return batch.faults[0].error;
    more = sample.messages().size() < most &&
           !std::ranges::equal(batch.positions, highs, std::greater_equal());
  }
  return sample;
}

}  // namespace freshet
