#include "segments/file_stamp.h"

#include <time.h>

namespace freshet {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kTick = 20'000'000;

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

}  // namespace

FileStamp stamp_of(const struct stat& info) {
  return {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size),
          nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
}

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return stamp_of(info);
}

bool is_settled(const FileStamp& stamp) {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  bool whole_seconds = stamp.changed_ns % kSecond == 0;
  return nanoseconds(now) - stamp.changed_ns >
         (whole_seconds ? kSecond + kTick : kTick);
}

}  // namespace freshet
