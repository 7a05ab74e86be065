#include "server/query/distinct_parts.h"

#include <algorithm>

#include "server/query/id_table.h"
#include "server/query/value_ids.h"

namespace freshet {
namespace {

// Fewer are put together in less time than it takes to compare segments.
constexpr uint64_t kFewValues = 20'000;
// To look at so many values of the segments for each that was seen is worth it:
// later queries need not.
constexpr uint64_t kReadPerSeen = 8;
// Beside their contents, about.
constexpr uint64_t kBytesOfPart = 128, kBytesOfBitmap = 256;

}  // namespace

DistinctParts::Part& DistinctParts::part_of(const std::string& key,
                                            size_t groups) {
  auto [at, added] = parts_.try_emplace(key);
  if (added) bytes_ += kBytesOfPart + key.size();
  Part& part = at->second;
  if (part.size() < groups) {
    bytes_ -= part.capacity() * sizeof(Ids);
    part.resize(groups);
    bytes_ += part.capacity() * sizeof(Ids);
  }
  return part;
}

void DistinctParts::add(Ids& to, Ids more) {
  if (to) {
    bytes_ -= kBytesOfBitmap + to->frozen_size();
    more = std::make_shared<const Bitmap>(*to | *more);
  }
  bytes_ += kBytesOfBitmap + more->frozen_size();
  to = std::move(more);
}

void DistinctParts::add(const std::string& key, uint32_t group,
                        std::span<const uint32_t> ids) {
  if (ids.empty()) return;
  Bitmap made = Bitmap::of_sorted(ids);
  made.optimize();
  add(part_of(key, group + 1)[group],
      std::make_shared<const Bitmap>(std::move(made)));
}

void DistinctParts::add(const DistinctParts& other,
                        const std::vector<uint32_t>& to) {
  for (const auto& [key, groups] : other.parts_) {
    for (size_t g = 0; g < groups.size(); ++g) {
      if (groups[g]) add(part_of(key, to[g] + 1)[to[g]], groups[g]);
    }
  }
}

Status DistinctParts::each(ValueSources& sources, const Use& use) const {
  for (const auto& [key, groups] : parts_) {
    TRY_ASSIGN(SegmentTexts texts, sources.texts(key, column_));
    for (size_t g = 0; g < groups.size(); ++g) {
      if (!groups[g]) continue;
      TRY(use(*texts.dictionary, static_cast<uint32_t>(g),
              groups[g]->to_vector()));
    }
  }
  return {};
}

Result<std::vector<SegmentTexts>> DistinctParts::all_texts(
    ValueSources& sources) const {
  std::vector<SegmentTexts> out;
  for (const auto& [key, groups] : parts_) {
    TRY_ASSIGN(SegmentTexts texts, sources.texts(key, column_));
    out.push_back(std::move(texts));
  }
  return out;
}

Result<bool> DistinctParts::count(ValueSources& sources,
                                  std::vector<int64_t>& counts) const {
  QueryControl& control = sources.control();
  uint64_t seen = 0;
  for (const auto& [key, groups] : parts_) {
    for (const Ids& ids : groups) seen += ids ? ids->cardinality() : 0;
  }
  std::optional<std::vector<SharedValues::Ids>> shared;
  TRY_ASSIGN(const std::vector<SegmentTexts> texts, all_texts(sources));
  if (seen > kFewValues) {
    TRY_ASSIGN(shared, sources.shared().find(column_, texts,
                                             seen * kReadPerSeen, control));
    if (!shared) return false;
  }
  ValueIds values({ValueType::kString});
  IdTable pairs;
  MemoryCharge charge(control);
  std::vector<uint32_t> numbers;
  size_t at = 0;
  for (const auto& [key, groups] : parts_) {
    const Dictionary& dictionary = *texts[at].dictionary;
    const Bitmap* others = shared ? (*shared)[at].get() : nullptr;
    ++at;
    for (size_t g = 0; g < groups.size(); ++g) {
      if (!groups[g]) continue;
      TRY(control.check());
      const std::vector<uint32_t> ids =
          others ? (*groups[g] & *others).to_vector() : groups[g]->to_vector();
      counts[g] += static_cast<int64_t>(groups[g]->cardinality() - ids.size());
      TRY(in_runs(ids.size(), &control, [&](size_t begin, size_t n) -> Status {
        numbers.resize(n);
        TRY(values.make_room(n, &control));
        TRY(pairs.make_room(n, &control));
        values.intern_entries(dictionary, std::span(ids).subspan(begin, n),
                              numbers.data());
        for (uint32_t number : numbers) {
          const uint32_t before = pairs.size();
          pairs.find_or_add(uint64_t{g} << 32 | number);
          counts[g] += pairs.size() - before;
        }
        charge.set(values.memory_bytes() + pairs.memory_bytes());
        return {};
      }));
    }
  }
  TRY(control.check());
  return true;
}

}  // namespace freshet
