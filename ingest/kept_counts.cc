#include "ingest/kept_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace freshet {
namespace {

// Text, a line each: "v1", then "filtered N" (and so duplicates, replaced,
// deleted, outdated and replayed), "rejected N REASON", "begin N PARTITION",
// "watermark N PARTITION".
constexpr const char* kVersion = "v1";

std::string key_of(const std::string& dataset) { return "counts/" + dataset; }

}  // namespace

Result<KeptCounts> KeptCounts::load(const MetadataStore& store,
                                    const std::string& dataset) {
  TRY_ASSIGN(auto kept, store.get(key_of(dataset)));
  KeptCounts counts;
  if (!kept) return counts;
  std::istringstream in(*kept);
  std::string kind, name;
  in >> kind;
  if (kind != kVersion) {
    return Error{ErrorCode::kCorrupt,
                 "the counts of the dataset cannot be read: " + dataset};
  }
  int64_t number = 0;
  while (in >> kind >> number) {
    if (uint64_t* count = counts.named(kind)) {
      *count = static_cast<uint64_t>(number);
      continue;
    }
    in.ignore(1);
    std::getline(in, name);
    if (kind == "rejected") {
      counts.rejected[name] = static_cast<uint64_t>(number);
    } else if (kind == "begin") {
      counts.begin[name] = number;
    } else if (kind == "watermark") {
      counts.watermark[name] = Timestamp{number};
    }
  }
  return counts;
}

uint64_t* KeptCounts::named(std::string_view kind) {
  if (kind == "filtered") return &filtered;
  if (kind == "duplicates") return &duplicates;
  if (kind == "replaced") return &replaced;
  if (kind == "deleted") return &deleted;
  if (kind == "outdated") return &outdated;
  if (kind == "replayed") return &replayed;
  return nullptr;
}

Timestamp KeptCounts::least_watermark() const {
  if (watermark.empty()) return kMinTimestamp;
  Timestamp least = kMaxTimestamp;
  for (const auto& [partition, time] : watermark) least = std::min(least, time);
  return least;
}

std::pair<std::string, std::string> KeptCounts::encode(
    const std::string& dataset) const {
  std::string out = fmt::format(
      "{}\nfiltered {}\nduplicates {}\nreplaced {}\ndeleted {}\n"
      "outdated {}\nreplayed {}\n",
      kVersion, filtered, duplicates, replaced, deleted, outdated, replayed);
  for (const auto& [reason, count] : rejected) {
    out += fmt::format("rejected {} {}\n", count, reason);
  }
  for (const auto& [partition, offset] : begin) {
    out += fmt::format("begin {} {}\n", offset, partition);
  }
  for (const auto& [partition, time] : watermark) {
    out += fmt::format("watermark {} {}\n", time.ms, partition);
  }
  return {key_of(dataset), std::move(out)};
}

}  // namespace freshet
