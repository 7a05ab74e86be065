#include "segments/restated_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "segments/floor_divide.h"

namespace freshet {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMinutes = 24 * 60;
// A value, little-endian: u8 version (1), then for each minute u16 minute of
// the day, i64 complete up to in ms.
constexpr char kVersion = 1;
constexpr size_t kEntryBytes = 2 + 8;

std::string prefix_of(const std::string& dataset) {
  return "restated/" + dataset + "/";
}

bool read_day(std::string_view name, std::string_view value, int64_t& day) {
  auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), day);
  return error == std::errc() && end == name.data() + name.size() &&
         !value.empty() && value[0] == kVersion &&
         (value.size() - 1) % kEntryBytes == 0;
}

}  // namespace

Status RestatedTimes::load(const MetadataStore& store,
                           const std::string& dataset, Timestamp oldest) {
  std::string prefix = prefix_of(dataset);
  Status damaged;
  std::map<int64_t, int64_t> minutes;
  auto take = [&](std::string_view key, std::string_view value) {
    int64_t day = 0;
    if (!read_day(key.substr(prefix.size()), value, day)) {
      damaged = Error{ErrorCode::kCorrupt,
                      "restated times cannot be read: " + std::string(key)};
      return false;
    }
    if ((day + 1) * kDayMinutes * kMinuteMs <= oldest.ms) return true;
    value.remove_prefix(1);
    for (; !value.empty(); value.remove_prefix(kEntryBytes)) {
      uint16_t minute = 0;
      int64_t complete = 0;
      std::memcpy(&minute, value.data(), sizeof minute);
      std::memcpy(&complete, value.data() + sizeof minute, sizeof complete);
      minutes[day * kDayMinutes + minute] = complete;
    }
    return true;
  };
  TRY(store.scan(prefix, "", take));
  TRY(damaged);
  MutexLock lock(mutex_);
  minutes_ = std::move(minutes);
  forget_oldest();
  return {};
}

void RestatedTimes::note(Timestamp event, Timestamp complete) {
  int64_t minute = floor_divide(event.ms, kMinuteMs);
  MutexLock lock(mutex_);
  auto [entry, added] = minutes_.try_emplace(minute, complete.ms);
  if (!added && entry->second >= complete.ms) return;
  entry->second = complete.ms;
  changed_days_.insert(floor_divide(minute, kDayMinutes));
  forget_oldest();
}

void RestatedTimes::forget_oldest() {
  while (minutes_.size() > kMostMinutes) minutes_.erase(minutes_.begin());
}

bool RestatedTimes::covers(Interval bucket) const {
  MutexLock lock(mutex_);
  auto at = minutes_.lower_bound(floor_divide(bucket.start.ms, kMinuteMs));
  for (; at != minutes_.end() && at->first * kMinuteMs < bucket.end.ms; ++at) {
    if (at->second >= bucket.end.ms) return true;
  }
  return false;
}

std::vector<std::pair<std::string, std::string>> RestatedTimes::take_changes(
    const std::string& dataset) {
  std::vector<std::pair<std::string, std::string>> puts;
  MutexLock lock(mutex_);
  for (int64_t day : changed_days_) {
    std::string value(1, kVersion);
    auto at = minutes_.lower_bound(day * kDayMinutes);
    auto end = minutes_.lower_bound((day + 1) * kDayMinutes);
    for (; at != end; ++at) {
      auto minute = static_cast<uint16_t>(at->first - day * kDayMinutes);
      char bytes[kEntryBytes];
      std::memcpy(bytes, &minute, sizeof minute);
      std::memcpy(bytes + sizeof minute, &at->second, sizeof at->second);
      value.append(bytes, kEntryBytes);
    }
    puts.emplace_back(fmt::format("{}{}", prefix_of(dataset), day),
                      std::move(value));
  }
  changed_days_.clear();
  return puts;
}

}  // namespace freshet
