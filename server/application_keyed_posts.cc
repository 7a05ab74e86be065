#include "server/application_keyed_posts.h"

#include <absl/time/clock.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <charconv>

#include "ingest/field_value.h"
#include "ingest/log_entry.h"
#include "segments/time.h"

namespace freshet {
namespace {

constexpr std::string_view kPrefix = "posted/";
constexpr std::string_view kKeyHeader = "freshet-idempotency-key";
constexpr std::string_view kNumberHeader = "freshet-event";
constexpr int64_t kKeptMs = int64_t{24} * 3600 * 1000;
constexpr int64_t kForgetEveryMs = int64_t{3600} * 1000;
constexpr size_t kMaxKeyBytes = 64 << 10;
constexpr auto kLookTime = absl::Seconds(20);
// Clocks of broker and server differ by less.
constexpr int64_t kClockMs = 60'000;

uint64_t hash_of(const std::vector<std::string_view>& events) {
  uint64_t hash = events.size();
  for (std::string_view event : events) {
    uint64_t one[2] = {hash, XXH3_64bits(event.data(), event.size())};
    hash = XXH3_64bits(one, sizeof one);
  }
  return hash;
}

// Events of the post that are in the topic.
struct StoredEvents {
  std::set<size_t> numbers;
  PostAnswer next;

  void add(const RawMessage& message, std::string_view key) {
    bool ours = false;
    size_t number = 0;
    for (const MessageHeader& header : message.headers) {
      ours |= header.name == kKeyHeader && header.value == key;
      if (header.name == kNumberHeader) {
        std::from_chars(header.value.data(),
                        header.value.data() + header.value.size(), number);
      }
    }
    if (!ours) return;
    numbers.insert(number);
    int64_t& behind = next[std::string(message.partition_name)];
    behind = std::max(behind, message.offset + 1);
  }
};

// Reads what came to the topic since `since`.
Status find_stored(Source& source, const KeyedPost& post, Timestamp since,
                   StoredEvents& stored) {
  TRY(source.partitions());
  absl::SleepFor(absl::Seconds(1));  // what waits at the broker's door comes in
  TRY_ASSIGN(auto bounds, source.partitions());
  std::erase_if(bounds, [&](const PartitionBounds& bound) {
    return !bound.name.starts_with(post.topic + "/");
  });
  std::vector<AssignedPartition> from;
  for (const PartitionBounds& bound : bounds) {
    TRY_ASSIGN(int64_t at,
               source.offset_at(bound.name, Timestamp{since.ms - kClockMs}));
    from.push_back({bound.name, std::max(at, bound.low)});
  }
  TRY(source.assign(from));
  const absl::Time deadline = steady_now() + kLookTime;
  MessageBatch batch;
  for (;;) {
    bool behind = false;
    for (size_t i = 0; i < bounds.size(); ++i) {
      int64_t at = batch.positions.empty() ? from[i].next : batch.positions[i];
      behind |= at < bounds[i].high;
    }
    if (!behind) return {};
    if (steady_now() > deadline) {
      return Error{ErrorCode::kUnavailable,
                   "whether events of this key are stored could not be read "
                   "from the topic in time: try again"};
    }
    TRY(source.poll(100, 10'000, batch));
    for (const RawMessage& message : batch.messages) {
      stored.add(message, post.key);
    }
    for (const PartitionFault& fault : batch.faults) return fault.error;
  }
}

// Sends all that are not stored yet.
Status send_missing(const KeyedPost& post, StoredEvents& stored) {
  std::vector<KafkaProducer::Record> records;
  std::vector<std::string> numbers(post.events.size());
  std::vector<std::array<MessageHeader, 2>> headers(post.events.size());
  for (size_t i = 0; i < post.events.size(); ++i) {
    if (stored.numbers.contains(i)) continue;
    numbers[i] = std::to_string(i);
    headers[i] = {MessageHeader{kKeyHeader, post.key},
                  MessageHeader{kNumberHeader, numbers[i]}};
    records.push_back({{}, post.events[i], post.partition, headers[i]});
  }
  if (records.empty()) return {};
  TRY_ASSIGN(PostAnswer sent, post.send(records));
  for (const auto& [partition, next] : sent) {
    int64_t& behind = stored.next[partition];
    behind = std::max(behind, next);
  }
  return {};
}

}  // namespace

// Nobody else has the key meanwhile.
class KeyedPosts::Turn {
 public:
  Turn(KeyedPosts& posts, const std::string& key) : posts_(posts), key_(key) {
    MutexLock lock(posts_.mutex_);
    while (!posts_.busy_.insert(key_).second) posts_.left_.wait(posts_.mutex_);
  }
  ~Turn() {
    MutexLock lock(posts_.mutex_);
    posts_.busy_.erase(key_);
    posts_.left_.signal_all();
  }
  Turn(const Turn&) = delete;

 private:
  KeyedPosts& posts_;
  const std::string key_;
};

Result<PostAnswer> KeyedPosts::send(const KeyedPost& post) {
  if (post.key.size() > kMaxKeyBytes) {
    return invalid("the idempotency key is too long");
  }
  forget_old();
  const std::string key =
      fmt::format("{}{}/{}/{}", kPrefix, post.dataset, post.topic, post.key);
  Turn turn(*this, key);
  KeyedAnswer kept{now(), {}, hash_of(post.events)};
  TRY_ASSIGN(auto before, store_.get(key));
  StoredEvents stored;
  KeyedAnswer first;
  if (before) TRY(read_log_answer(*before, first));
  if (before && first.time.ms + kKeptMs > kept.time.ms) {
    if (first.hash != kept.hash) {
      return Error{ErrorCode::kConflict,
                   fmt::format("the idempotency key was used with another "
                               "body; nothing of this one is stored: {}",
                               shorten(post.key))};
    }
    if (!first.answer.empty()) return first.answer;
    kept.time = first.time;
    TRY_ASSIGN(auto source, post.open());
    TRY(find_stored(*source, post, first.time, stored));
  } else {
    TRY(store_.put(key, encode_log_answer(kept)));
  }
  TRY(send_missing(post, stored));
  kept.answer = stored.next;
  TRY(store_.put(key, encode_log_answer(kept)));
  return std::move(stored.next);
}

void KeyedPosts::forget_old() {
  const Timestamp time = now();
  {
    MutexLock lock(mutex_);
    if (time < next_forget_) return;
    next_forget_ = Timestamp{time.ms + kForgetEveryMs};
  }
  std::vector<std::string> old;
  Status done = store_.scan(
      kPrefix, "", [&](std::string_view key, std::string_view value) {
        KeyedAnswer kept;
        bool read = read_log_answer(value, kept).has_value();
        if (!read || kept.time.ms + kKeptMs < time.ms) old.emplace_back(key);
        return true;
      });
  if (done && !old.empty()) done = store_.change({}, old);
  if (!done) {
    spdlog::warn("old idempotency keys stay: {}", done.error().message);
  }
}

}  // namespace freshet
