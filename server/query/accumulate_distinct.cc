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
    if (dictionary_) {
      add_ids(rows.ids(*dictionary_), lanes);
      return {};
    }
    TRY_ASSIGN(VectorPtr value, rows.evaluate_checked(*argument_));
    if (value->type.type == ValueType::kNull) return {};
    values_.intern_all(*value, ids_);
    add_ids(ids_, lanes);
    return {};
  }

  Status merge(const Accumulator& other,
               const std::vector<uint32_t>& to) override {
    const auto& from = static_cast<const Distinct&>(other);
    size_t num_ids = from.dictionary_ ? from.dictionary_->dictionary()->size()
                                      : from.values_.size();
    for (uint32_t id = 0; id < from.seen_.size(); ++id) {
      if (from.seen_[id]) add(to[0], intern_from(from, id));
    }
    std::vector<uint32_t> merged(from.pairs_.size() > 0 ? num_ids : 0);
    for (uint64_t pair : from.pairs_.keys()) {
      uint32_t& id = merged[static_cast<uint32_t>(pair)];
      if (id == 0) id = intern_from(from, static_cast<uint32_t>(pair));
      add(to[pair >> 32], id);
    }
    return {};
  }

  Result<VectorPtr> finish() override {
    auto out = make_vector({ValueType::kLong}, counts_.size());
    out->longs = counts_;
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
      for (uint32_t id : ids_) add(group, id);
    });
    return status;
  }

  uint32_t intern_from(const Distinct& from, uint32_t id) {
    if (from.dictionary_) {
      return values_.intern_text(from.dictionary_->dictionary()->value(id));
    }
    return values_.intern(from.values_.values(), id);
  }

  void add(uint32_t group, uint32_t id) {
    if (counts_.size() == 1) return see(id);
    if (!seen_.empty()) leave_seen();
    uint32_t before = pairs_.size();
    pairs_.find_or_add(uint64_t{group} << 32 | id);
    counts_[group] += pairs_.size() - before;
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
  void leave_seen() {
    for (uint32_t id = 0; id < seen_.size(); ++id) {
      if (seen_[id]) pairs_.find_or_add(id);
    }
    seen_ = {};
  }

  void add_ids(const std::vector<uint32_t>& ids, const LaneChoice& lanes) {
    if (counts_.size() == 1) {
      lanes.each([&](uint32_t, size_t lane) {
        if (ids[lane] != kNullId) see(ids[lane]);
      });
      return;
    }
    if (!seen_.empty()) leave_seen();
    batch_.clear();
    lanes.each([&](uint32_t group, size_t lane) {
      if (ids[lane] != kNullId) {
        batch_.push_back(uint64_t{group} << 32 | ids[lane]);
      }
    });
    uint32_t known = pairs_.size();
    slots_.resize(batch_.size());
    pairs_.find_or_add_all(batch_.data(), batch_.size(), slots_.data());
    for (; known < pairs_.size(); ++known)
      ++counts_[pairs_.keys()[known] >> 32];
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
