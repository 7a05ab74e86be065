// count(distinct): exact, as a set of (group, value id) pairs. Value ids are a
// segment's dictionary ids while rows are read. Merged, they are numbers by
// value; or, where most values of the segments are in one of them, the ids of
// each (DistinctParts).
#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "segments/id_list.h"
#include "server/query/accumulator.h"
#include "server/query/distinct_parts.h"

namespace freshet {
namespace {

class Distinct final : public Accumulator {
 public:
  explicit Distinct(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument),
        segment_(spec.segment),
        parts_(argument_->name),
        values_(argument_->type) {
    if (spec.state(0)) {
      lists_ = spec.state(0);
      dictionary_ = spec.cube->dictionary_of;
    } else if (spec.context) {
      dictionary_ = spec.context->dictionary_column(*argument_);
    }
  }

  void resize(size_t groups) override { counts_.resize(groups); }

  Status update(BlockRows& rows, const LaneChoice& lanes) override {
    if (lists_) return add_lists(rows, lanes);
    const QueryControl& control = rows.context().control();
    if (dictionary_) return add_ids(rows.ids(*dictionary_), lanes, control);
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    if (value->type.type == ValueType::kNull) return {};
    TRY(values_.make_room(value->size, &control));
    values_.intern_all(*value, ids_);
    return add_ids(ids_, lanes, control);
  }

  Status merge(const Accumulator& other, const std::vector<uint32_t>& to,
               const QueryControl& control) override {
    const auto& from = static_cast<const Distinct&>(other);
    if (from.nothing()) return {};
    if (in_parts_ && sources_ && from.has_parts() &&
        counts_.size() <= DistinctParts::kMostGroups) {
      return merge_parts(from, to, control);
    }
    TRY(leave_parts(control));
    if (from.segment_ == nullptr && from.in_parts_) {
      return merge_values(from.parts_, to, control);
    }
    TRY_ASSIGN(const std::vector<uint32_t> merged, merge_ids(from, control));
    TRY(in_runs(from.seen_.size(), &control,
                [&](size_t begin, size_t count) -> Status {
                  for (size_t id = begin; id < begin + count; ++id) {
                    if (from.seen_[id])
                      batch_.push_back(pair_of(to[0], merged[id]));
                  }
                  return add_batch(control);
                }));
    const std::span<const uint64_t> pairs = from.pairs_.keys();
    return in_runs(
        pairs.size(), &control, [&](size_t begin, size_t count) -> Status {
          for (uint64_t pair : pairs.subspan(begin, count)) {
            batch_.push_back(
                pair_of(to[pair >> 32], merged[static_cast<uint32_t>(pair)]));
          }
          return add_batch(control);
        });
  }

  Result<VectorPtr> finish(const QueryControl& control) override {
    TRY_ASSIGN(auto out,
               make_vector({ValueType::kLong}, counts_.size(), control));
    if (!parts_.empty()) {
      TRY_ASSIGN(const bool counted, parts_.count(*sources_, out->longs));
      if (counted) return VectorPtr(out);
      TRY(leave_parts(control));
    }
    TRY(each_group(counts_.size(), control,
                   [&](uint32_t g) { out->longs[g] = counts_[g]; }));
    return VectorPtr(out);
  }
  void use(ValueSources* sources) override { sources_ = sources; }
  uint64_t memory_bytes() const override {
    return parts_.memory_bytes() + pairs_.memory_bytes() +
           values_.memory_bytes() + counts_.capacity() * 8 + seen_.capacity();
  }

 private:
  // Values of a segment are worth keeping by id if there are so many: others
  // are of many segments.
  static constexpr uint32_t kRowsPerValue = 16;

  bool nothing() const {
    return parts_.empty() && seen_.empty() && pairs_.size() == 0;
  }
  // Of rows: whether its ids can be merged as they are. Those of a cube's
  // dimension are the table's own.
  bool has_parts() const {
    if (segment_ == nullptr) return in_parts_;
    return dictionary_ && (lists_ || !segment_->cube) &&
           !segment_->source_key.empty() &&
           uint64_t{dictionary_->dictionary()->size()} * kRowsPerValue >=
               segment_->source->num_rows();
  }

  Status merge_parts(const Distinct& from, const std::vector<uint32_t>& to,
                     const QueryControl& control) {
    if (from.segment_ == nullptr) {
      parts_.add(from.parts_, to);
      return control.check();
    }
    const std::string& key = from.segment_->source_key;
    const std::vector<uint32_t> ids = marked(from.seen_);
    parts_.add(key, to[0], ids);
    const std::span<const uint64_t> pairs = from.pairs_.keys();
    std::vector<std::vector<uint32_t>> by_group(counts_.size());
    TRY(in_runs(pairs.size(), &control, [&](size_t begin, size_t count) {
      for (uint64_t pair : pairs.subspan(begin, count)) {
        by_group[to[pair >> 32]].push_back(static_cast<uint32_t>(pair));
      }
    }));
    for (uint32_t group = 0; group < by_group.size(); ++group) {
      TRY(control.check());
      parts_.add(key, group, ascending(by_group[group]));
    }
    return control.check();
  }

  // The same ids; in one pass, where they are many.
  std::vector<uint32_t>& ascending(std::vector<uint32_t>& ids) const {
    constexpr size_t kFew = 32'768;
    if (ids.size() <= kFew) {
      std::sort(ids.begin(), ids.end());
      return ids;
    }
    std::vector<uint8_t> marks(*std::max_element(ids.begin(), ids.end()) + 1);
    for (uint32_t id : ids) marks[id] = 1;
    return ids = marked(marks);
  }

  // What was kept by id is numbered by value from now on.
  Status leave_parts(const QueryControl& control) {
    in_parts_ = false;
    if (parts_.empty()) return {};
    const DistinctParts parts =
        std::exchange(parts_, DistinctParts(argument_->name));
    std::vector<uint32_t> same(counts_.size());
    std::iota(same.begin(), same.end(), 0u);
    return merge_values(parts, same, control);
  }

  Status merge_values(const DistinctParts& parts,
                      const std::vector<uint32_t>& to,
                      const QueryControl& control) {
    if (sources_ == nullptr) {
      return Error{ErrorCode::kInternal, "the segments of ids are not known"};
    }
    std::vector<uint32_t> numbers;
    MemoryCharge charge(sources_->control());  // until its owner does
    return parts.each(
        *sources_, [&](const Dictionary& dictionary, uint32_t group,
                       std::span<const uint32_t> ids) {
          return in_runs(
              ids.size(), &control, [&](size_t begin, size_t count) -> Status {
                numbers.resize(count);
                TRY(values_.make_room(count, &control));
                values_.intern_entries(dictionary, ids.subspan(begin, count),
                                       numbers.data());
                for (uint32_t number : numbers) {
                  batch_.push_back(pair_of(to[group], number));
                }
                charge.set(memory_bytes());
                return add_batch(control);
              });
        });
  }

  // Ids of a cube, which are those of the segment's dictionary.
  Status add_lists(BlockRows& rows, const LaneChoice& lanes) {
    TRY_ASSIGN(VectorPtr lists, rows.evaluate_checked(*lists_));
    Status status;
    lanes.each_value(*lists, [&](uint32_t group, size_t lane) {
      ids_.clear();
      Status read = decode_ids(lists->strings[lists->at(lane)],
                               dictionary_->dictionary()->size(), ids_);
      if (!read) status = read;
      for (uint32_t id : ids_) batch_.push_back(pair_of(group, id));
      if (status) status = add_batch(rows.context().control());
    });
    return status;
  }

  // merged[id] of each id that occurs in `from`.
  Result<std::vector<uint32_t>> merge_ids(const Distinct& from,
                                          const QueryControl& control) {
    const size_t num_ids = from.dictionary_
                               ? from.dictionary_->dictionary()->size()
                               : from.values_.size();
    std::vector<uint8_t> occurs = from.seen_;
    occurs.resize(std::max(num_ids, occurs.size()));
    const std::span<const uint64_t> pairs = from.pairs_.keys();
    TRY(in_runs(pairs.size(), &control, [&](size_t begin, size_t count) {
      for (uint64_t pair : pairs.subspan(begin, count)) {
        occurs[static_cast<uint32_t>(pair)] = 1;
      }
    }));
    std::vector<uint32_t> ids, to, merged(occurs.size());
    TRY(in_runs(num_ids, &control, [&](size_t begin, size_t count) -> Status {
      ids.clear();
      for (size_t id = begin; id < begin + count; ++id) {
        if (occurs[id]) ids.push_back(static_cast<uint32_t>(id));
      }
      to.resize(ids.size());
      TRY(values_.make_room(ids.size(), &control));
      if (from.dictionary_) {
        values_.intern_entries(*from.dictionary_->dictionary(), ids, to.data());
      } else {
        values_.intern_lanes(from.values_.values(), ids, to.data());
      }
      for (size_t i = 0; i < ids.size(); ++i) merged[ids[i]] = to[i];
      return {};
    }));
    return merged;
  }

  static uint64_t pair_of(uint32_t group, uint32_t id) {
    return uint64_t{group} << 32 | id;
  }

  // Of a single group: an id is one look, without a hash.
  void see(uint32_t id) {
    if (id >= seen_.size()) {
      seen_.resize(std::max<size_t>(id + 1, seen_.size() * 2));
    }
    counts_[0] += 1 - seen_[id];
    seen_[id] = 1;
  }

  // Ascending. Most of a long stretch of old ids are not seen in new rows.
  static std::vector<uint32_t> marked(const std::vector<uint8_t>& marks) {
    constexpr size_t kAtOnce = sizeof(uint64_t);
    std::vector<uint32_t> out;
    for (size_t begin = 0; begin < marks.size(); begin += kAtOnce) {
      const size_t end = std::min(begin + kAtOnce, marks.size());
      uint64_t any = 0;
      std::memcpy(&any, &marks[begin], end - begin);
      for (size_t id = begin; any != 0 && id < end; ++id) {
        if (marks[id]) out.push_back(static_cast<uint32_t>(id));
      }
    }
    return out;
  }

  // There is a second group now.
  Status leave_seen(const QueryControl& control) {
    TRY(in_runs(seen_.size(), &control,
                [&](size_t begin, size_t count) -> Status {
                  TRY(pairs_.make_room(count, &control));
                  for (size_t id = begin; id < begin + count; ++id) {
                    if (seen_[id]) pairs_.find_or_add(id);
                  }
                  return {};
                }));
    seen_ = {};
    return {};
  }

  Status add_ids(const std::vector<uint32_t>& ids, const LaneChoice& lanes,
                 const QueryControl& control) {
    if (counts_.size() == 1) {
      lanes.each([&](uint32_t, size_t lane) {
        if (ids[lane] != kNullId) see(ids[lane]);
      });
      return {};
    }
    lanes.each([&](uint32_t group, size_t lane) {
      if (ids[lane] != kNullId) batch_.push_back(pair_of(group, ids[lane]));
    });
    return add_batch(control);
  }

  // Counts the pairs of the batch that are new, and empties it.
  Status add_batch(const QueryControl& control) {
    if (counts_.size() == 1) {
      for (uint64_t pair : batch_) see(static_cast<uint32_t>(pair));
      batch_.clear();
      return {};
    }
    if (!seen_.empty()) TRY(leave_seen(control));
    TRY(pairs_.make_room(batch_.size(), &control));
    uint32_t known = pairs_.size();
    slots_.resize(batch_.size());
    pairs_.find_or_add_all(batch_.data(), batch_.size(), slots_.data());
    for (; known < pairs_.size(); ++known)
      ++counts_[pairs_.keys()[known] >> 32];
    batch_.clear();
    return {};
  }

  ExpressionPtr argument_;
  ExpressionPtr lists_;  // of a cube, or null
  const Column* dictionary_ = nullptr;
  const PreparedSegment* const segment_;  // of the rows; null: it is merged
  ValueSources* sources_ = nullptr;
  // Of a merged one, as long as all that came had them.
  DistinctParts parts_;
  bool in_parts_ = true;
  ValueIds values_;
  IdTable pairs_;
  std::vector<uint8_t> seen_;  // by id, while there is one group
  std::vector<int64_t> counts_;
  std::vector<uint32_t> ids_;
  std::vector<uint64_t> batch_;  // of a block: group and id
  std::vector<uint32_t> slots_;
};

}  // namespace

std::unique_ptr<Accumulator> make_distinct(const AccumulatorSpec& spec) {
  return std::make_unique<Distinct>(spec);
}

}  // namespace freshet
