#include "ingest/offset_reset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ingest/dead_letters.h"
#include "ingest/kept_counts.h"

namespace freshet {
namespace {

using To = OffsetReset::To;

// "pos.sales/" of "pos.sales/3", if all partitions have it.
std::string_view common_topic(const std::vector<PartitionBounds>& bounds) {
  auto topic = [](const PartitionBounds& bound) {
    return std::string_view(bound.name).substr(0, bound.name.rfind('/') + 1);
  };
  if (bounds.empty()) return {};
  bool same = std::ranges::all_of(bounds, [&](const PartitionBounds& bound) {
    return topic(bound) == topic(bounds[0]);
  });
  return same ? topic(bounds[0]) : std::string_view();
}

// With the partitions' full names, where numbers were given and there is only
// one topic.
Result<OffsetReset> with_names(const std::vector<PartitionBounds>& bounds,
                               OffsetReset reset) {
  std::string_view topic = common_topic(bounds);
  auto name = [&](const PartitionName& given) {
    bool number = !given.empty() && std::ranges::all_of(given, [](char c) {
      return c >= '0' && c <= '9';
    });
    return number ? fmt::format("{}{}", topic, given) : given;
  };
  std::map<PartitionName, int64_t> offsets;
  for (const auto& [given, offset] : reset.offsets) {
    if (offsets.emplace(name(given), offset).second) continue;
    return invalid("the offset of a partition is given twice: " + name(given));
  }
  reset.offsets = std::move(offsets);
  for (PartitionName& given : reset.partitions) given = name(given);
  return reset;
}

Status check_partitions(const std::vector<PartitionBounds>& bounds,
                        const OffsetReset& reset) {
  std::vector<PartitionName> wanted = reset.partitions;
  for (const auto& [name, offset] : reset.offsets) wanted.push_back(name);
  for (const PartitionName& name : wanted) {
    if (std::ranges::find(bounds, name, &PartitionBounds::name) !=
        bounds.end()) {
      continue;
    }
    std::vector<PartitionName> known;
    for (const auto& bound : bounds) known.push_back(bound.name);
    return invalid(fmt::format("there is no partition '{}'; known are {}", name,
                               fmt::join(known, ", ")));
  }
  return {};
}

bool is_wanted(const PartitionName& name, const OffsetReset& reset) {
  if (reset.to == To::kOffsets) return reset.offsets.contains(name);
  return reset.partitions.empty() ||
         std::ranges::find(reset.partitions, name) != reset.partitions.end();
}

Result<int64_t> target(Source& source, const PartitionBounds& bound,
                       const OffsetReset& reset) {
  switch (reset.to) {
    case To::kEarliest:
      return bound.low;
    case To::kLatest:
      return bound.high;
    case To::kTimestamp:
      return source.offset_at(bound.name, reset.time);
    case To::kOffsets:
      break;
  }
  int64_t offset = reset.offsets.at(bound.name);
  if (offset < bound.low || offset > bound.high) {
    return invalid(fmt::format("{} has the offsets [{}, {}], not {}",
                               bound.name, bound.low, bound.high, offset));
  }
  return offset;
}

// Of what is read again, with their reasons taken off `counts`. Those beyond
// what the source has are of a topic that was there before: they stay.
Status leaving_letters(MetadataStore& store, const std::string& dataset,
                       const ResetStep& step, KeptCounts& counts,
                       std::vector<std::string>& keys) {
  const int64_t end = std::min(step.from, step.high);
  std::string start;
  if (step.to > 0) {
    std::string before = fmt::format("{}/{}", step.partition, step.to - 1);
    TRY_ASSIGN(start, dead_letter_key(dataset, before));
  }
  for (;;) {
    TRY_ASSIGN(
        DeadLetterPage page,
        list_dead_letters(store, dataset, start, 1000, "", step.partition));
    for (const DeadLetter& letter : page.letters) {
      if (letter.offset >= end) return {};
      TRY_ASSIGN(std::string key, dead_letter_key(dataset, letter.id()));
      keys.push_back(std::move(key));
      uint64_t& rejected = counts.rejected[letter.reason];
      if (rejected > 0) --rejected;
    }
    if (page.next.empty()) return {};
    start = page.next;
  }
}

}  // namespace

int64_t ResetStep::skipped() const {
  return std::max<int64_t>(0, to - std::max(from, low));
}

int64_t ResetStep::repeated() const {
  return std::max<int64_t>(0, std::min(from, high) - to);
}

int64_t ResetStep::lost() const { return std::max<int64_t>(0, low - from); }

Result<std::vector<ResetStep>> plan_reset(
    Source& source, const std::map<PartitionName, int64_t>& next,
    const OffsetReset& wanted) {
  TRY_ASSIGN(auto bounds, source.partitions());
  TRY_ASSIGN(OffsetReset reset, with_names(bounds, wanted));
  TRY(check_partitions(bounds, reset));
  std::vector<ResetStep> steps;
  for (const PartitionBounds& bound : bounds) {
    if (!is_wanted(bound.name, reset)) continue;
    ResetStep step{bound.name, bound.low, 0, bound.low, bound.high};
    if (auto at = next.find(bound.name); at != next.end()) {
      step.from = at->second;
    }
    TRY_ASSIGN(step.to, target(source, bound, reset));
    steps.push_back(std::move(step));
  }
  return steps;
}

Status commit_reset(MetadataStore& store, const std::string& dataset,
                    const std::vector<ResetStep>& steps) {
  TRY_ASSIGN(auto stored, store.offsets(dataset));
  TRY_ASSIGN(KeptCounts counts, KeptCounts::load(store, dataset));
  Commit commit;
  commit.dataset = dataset;
  for (const ResetStep& step : steps) {
    auto known = std::ranges::find(stored, step.partition,
                                   [](const auto& one) { return one.first; });
    Commit::Advance advance;
    advance.partition = step.partition;
    if (known != stored.end()) advance.expected_next = step.from;
    // Without a last record: what follows need not be what was read before.
    advance.record.next = step.to;
    commit.offsets.push_back(std::move(advance));
    auto [begin, fresh] = counts.begin.try_emplace(step.partition, step.to);
    begin->second = std::min(begin->second, step.to);
    if (step.to < step.from) {
      counts.watermark[step.partition] = kMinTimestamp;
    }
    TRY(leaving_letters(store, dataset, step, counts, commit.removed_keys));
  }
  commit.puts.push_back(counts.encode(dataset));
  Status done = store.commit(commit);
  bool full = !done && done.error().code == ErrorCode::kLimit;
  return full ? Status(Error{ErrorCode::kIo, done.error().message}) : done;
}

}  // namespace freshet
