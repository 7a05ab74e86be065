// count(distinct): exact, as a set of (group, value id) pairs. Value ids are a
// segment's dictionary ids while rows are read, and ids by value when merged.
#include "segments/id_list.h"
#include "server/query/accumulator.h"

namespace freshet {
namespace {

class Distinct final : public Accumulator {
 public:
  explicit Distinct(const AccumulatorSpec& spec)
      : argument_(spec.aggregate.argument), values_(argument_->type) {
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
    TRY(each_group(counts_.size(), control,
                   [&](uint32_t g) { out->longs[g] = counts_[g]; }));
    return VectorPtr(out);
  }
  uint64_t memory_bytes() const override {
    return pairs_.memory_bytes() + values_.memory_bytes() +
           counts_.capacity() * 8 + seen_.capacity();
  }

 private:
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
