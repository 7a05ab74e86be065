#include "server/query/shared_values.h"

#include <algorithm>

#include "server/query/key_table.h"

namespace freshet {
namespace {

// A live segment has gone when nobody asked for it so long.
constexpr std::chrono::minutes kLiveKept{5};
// Of so few values, it is asked whether they are within the other's bounds;
// and of so few, whether it has them, without a filter.
constexpr uint32_t kFewIds = 4096;
constexpr size_t kOneByOne = 16;
constexpr size_t kValuesPerWord = 4;
// All pairs of them are met by each query.
constexpr size_t kMostSegments = 512;
// A look into a dictionary takes up to 10 us: so many of them are a query's,
// the rest is left to later ones.
constexpr uint32_t kMostLooks = 200'000;
constexpr uint32_t kLooksBetweenChecks = 512;
// After so many, of which half found something, the values are not those that
// segments have alone.
constexpr uint32_t kManyLooks = 20'000;
constexpr std::chrono::hours kUselessFor{1};
// How long nobody tries again after one gave up, or there was no room.
constexpr std::chrono::seconds kPause{10};
// Filters of segments that nobody asked for so long make room.
constexpr std::chrono::minutes kFilterKept{10};
constexpr size_t kFoldedIds = size_t{1} << 16;

uint64_t filter_bits(uint64_t hash) {
  uint64_t bits = 0;
  for (int i = 0; i < 6; ++i, hash >>= 6) bits |= uint64_t{1} << (hash & 63);
  return bits;
}

uint64_t& word_of(std::vector<uint64_t>& filter, uint64_t hash) {
  return filter[(static_cast<unsigned __int128>(hash) * filter.size()) >> 64];
}

Bitmap bitmap_of(std::vector<uint32_t> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return Bitmap::of_sorted(ids);
}

}  // namespace

// One run of find() on the entries of a column.
class SharedValues::Comparison {
 public:
  enum class End { kDone, kNoRoom, kTooLong, kUseless };

  // `paused`: only what takes no look and no new filter may be done.
  Comparison(std::map<std::string, Entry>& entries,
             std::span<const SegmentTexts> segments, uint64_t max_bytes,
             bool paused, std::atomic<uint64_t>& bytes, QueryControl& control)
      : segments_(segments),
        max_bytes_(paused ? 0 : max_bytes),
        most_looks_(paused ? 0 : kMostLooks),
        bytes_(bytes),
        control_(control),
        charge_(control) {
    for (const SegmentTexts& s : segments) {
      Entry& entry = entries.at(s.key);
      sides_.push_back({&s, &entry, entry.size == 1, {}, {}, 1});
    }
    // Values are hashed of those that are new to all others.
    std::stable_sort(
        sides_.begin(), sides_.end(),
        [](const Side& a, const Side& b) { return a.added > b.added; });
  }

  Result<End> run() {
    for (Side& side : sides_) TRY(look_at(side));
    Status status = compare_all();
    // Also where it ends early: it is not looked for again.
    for (Side& side : sides_) keep(side);
    TRY(status);
    return end_;
  }

  std::vector<Ids> shared() const {
    std::map<const SegmentTexts*, Ids> found;
    for (const Side& side : sides_) found[side.texts] = side.entry->shared;
    std::vector<Ids> out;
    for (const SegmentTexts& s : segments_) out.push_back(found[&s]);
    return out;
  }

 private:
  struct Side {
    const SegmentTexts* texts;
    Entry* entry;
    bool added;
    std::vector<uint32_t> found;   // ids that are shared
    std::vector<uint64_t> hashes;  // of the ids from `first_hash` on
    uint32_t first_hash;

    uint32_t size() const { return texts->dictionary->size(); }
    bool sealed() const { return texts->segment->sealed(); }
  };

  Status compare_all() {
    for (size_t i = 0; i < sides_.size(); ++i) {
      for (size_t j = i + 1; j < sides_.size(); ++j) {
        TRY(compare(sides_[i], sides_[j]));
        if (end_ != End::kDone) return {};
      }
      drop_hashes(sides_[i]);
    }
    return {};
  }

  // The bounds of its values.
  Status look_at(Side& side) {
    Entry& entry = *side.entry;
    const Dictionary& dictionary = *side.texts->dictionary;
    const uint32_t size = dictionary.size();
    if (size <= entry.size) return {};
    auto widen = [&](uint32_t id) {
      const std::string_view value = dictionary.value(id);
      if (id == 1) entry.least = entry.greatest = value;
      if (value < entry.least) entry.least = value;
      if (value > entry.greatest) entry.greatest = value;
    };
    if (dictionary.sorted()) {
      widen(entry.size);
      widen(size - 1);
    } else {
      TRY(in_runs(size - entry.size, &control_, [&](size_t begin, size_t n) {
        const uint32_t first = entry.size + static_cast<uint32_t>(begin);
        for (uint32_t id = first; id < first + n; ++id) widen(id);
      }));
    }
    entry.size = size;
    return {};
  }

  Status compare(Side& a, Side& b) {
    const bool straight = a.entry->number < b.entry->number;
    Compared& done = straight ? a.entry->compared[b.entry->number]
                              : b.entry->compared[a.entry->number];
    uint32_t& done_a = straight ? done.mine : done.others;
    uint32_t& done_b = straight ? done.others : done.mine;
    if (a.size() <= done_a && b.size() <= done_b) return {};
    const bool apart = a.entry->greatest < b.entry->least ||
                       b.entry->greatest < a.entry->least;
    if (!apart) {
      // All of `a` finds whatever is in both.
      const bool first = done_a == 1 || done_b == 1;
      TRY(look_for(a, first ? 1 : done_a, b));
      if (!first) TRY(look_for(b, done_b, a));
      if (end_ != End::kDone) return {};
    }
    // An older look at a live segment has fewer ids than were compared: those
    // it has beyond are compared by the next one.
    if (a.size() >= done_a && b.size() >= done_b) {
      done_a = a.size();
      done_b = b.size();
    }
    return {};
  }

  // The ids of `a` from `first` on whose values `b` has.
  Status look_for(Side& a, uint32_t first, Side& b) {
    if (first >= a.size()) return {};
    const Dictionary& values = *a.texts->dictionary;
    auto each = [&](auto work) {
      return in_runs(
          a.size() - first, &control_, [&](size_t begin, size_t n) -> Status {
            const uint32_t from = first + static_cast<uint32_t>(begin);
            for (uint32_t id = from; id < from + n; ++id) {
              if (end_ == End::kDone && work(id)) TRY(look(a, id, b));
            }
            return {};
          });
    };
    auto within = [&](uint32_t id) {
      const std::string_view value = values.value(id);
      return value >= b.entry->least && value <= b.entry->greatest;
    };
    if (!b.sealed()) return each(within);  // it finds by a hash table
    if (a.size() - first <= kFewIds) {
      std::vector<uint32_t> few;
      TRY(each([&](uint32_t id) {
        if (within(id)) few.push_back(id);
        return false;
      }));
      if (few.size() <= kOneByOne) {
        for (uint32_t id : few) TRY(look(a, id, b));
        return {};
      }
    }
    TRY(make_filter(b));
    if (end_ != End::kDone) return {};
    TRY(hash_from(a, first));
    std::vector<uint64_t>& filter = b.entry->filter;
    return each([&](uint32_t id) {
      const uint64_t hash = a.hashes[id - a.first_hash];
      const uint64_t bits = filter_bits(hash);
      return (word_of(filter, hash) & bits) == bits;
    });
  }

  // Whether `b` has the value, too.
  Status look(Side& a, uint32_t id, Side& b) {
    if (looks_ >= most_looks_) {
      end_ = End::kTooLong;
      return {};
    }
    if (++looks_ % kLooksBetweenChecks == 0) TRY(control_.check());
    auto other = b.texts->dictionary->find(a.texts->dictionary->value(id));
    if (!other) return {};
    ++hits_;
    for (auto [side, found] : {std::pair(&a, id), std::pair(&b, *other)}) {
      side->found.push_back(found);
      if (side->found.size() >= kFoldedIds) keep(*side);
    }
    if (looks_ >= kManyLooks && hits_ > looks_ / 2) end_ = End::kUseless;
    return {};
  }

  Status hash_from(Side& side, uint32_t first) {
    if (!side.hashes.empty() && side.first_hash <= first) return {};
    const Dictionary& values = *side.texts->dictionary;
    drop_hashes(side);
    side.hashes.reserve(side.size() - first);
    hashed_ += side.hashes.capacity();
    charge_.set(hashed_ * sizeof(uint64_t));
    side.first_hash = first;
    return in_runs(side.size() - first, &control_, [&](size_t begin, size_t n) {
      const uint32_t from = first + static_cast<uint32_t>(begin);
      for (uint32_t id = from; id < from + n; ++id) {
        side.hashes.push_back(hash_text(values.value(id)));
      }
    });
  }

  void drop_hashes(Side& side) {
    hashed_ -= side.hashes.capacity();
    side.hashes = {};
    charge_.set(hashed_ * sizeof(uint64_t));
  }

  // REQUIRES: a sealed one, whose values stay as they are.
  Status make_filter(Side& side) {
    if (!side.entry->filter.empty()) return {};
    std::vector<uint64_t> filter(side.size() / kValuesPerWord + 1);
    const uint64_t bytes = filter.size() * sizeof(uint64_t);
    if (bytes_.load() + bytes > max_bytes_) {
      end_ = End::kNoRoom;
      return {};
    }
    TRY(hash_from(side, 1));
    TRY(in_runs(side.hashes.size(), &control_, [&](size_t begin, size_t n) {
      for (uint64_t hash : std::span(side.hashes).subspan(begin, n)) {
        word_of(filter, hash) |= filter_bits(hash);
      }
    }));
    if (!side.added) drop_hashes(side);
    bytes_.fetch_add(bytes);
    side.entry->filter = std::move(filter);
    return {};
  }

  static void keep(Side& side) {
    if (side.found.empty()) return;
    const Bitmap found = bitmap_of(std::exchange(side.found, {}));
    side.entry->shared =
        std::make_shared<const Bitmap>(*side.entry->shared | found);
  }

  const std::span<const SegmentTexts> segments_;
  const uint64_t max_bytes_;
  const uint32_t most_looks_;
  std::atomic<uint64_t>& bytes_;
  QueryControl& control_;
  MemoryCharge charge_;  // of the hashes
  uint64_t hashed_ = 0;
  std::vector<Side> sides_;
  uint32_t looks_ = 0, hits_ = 0;
  End end_ = End::kDone;
};

// One query at a time works on a column; the others can be stopped while they
// wait.
class SharedValues::Turn {
 public:
  explicit Turn(Column& column) : column_(column) {}
  ~Turn() {
    if (!taken_) return;
    {
      MutexLock lock(column_.mutex);
      column_.taken = false;
    }
    column_.free.signal_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Whether it is this one's. Others are not waited for long: their segments
  // may be many.
  Result<bool> take(const QueryControl& control) {
    MutexLock lock(column_.mutex);
    for (int looks = 0; column_.taken; ++looks) {
      TRY(control.check());
      if (looks == kMostLooks) return false;
      column_.free.wait_for(column_.mutex, kLook);
    }
    return column_.taken = taken_ = true;
  }
  bool take_at_once() {
    MutexLock lock(column_.mutex);
    if (column_.taken) return false;
    return column_.taken = taken_ = true;
  }

 private:
  static constexpr absl::Duration kLook = absl::Milliseconds(10);
  static constexpr int kMostLooks = 20;
  Column& column_;
  bool taken_ = false;
};

SharedValues::Column& SharedValues::column(const std::string& name) {
  MutexLock lock(mutex_);
  auto& out = columns_[name];
  if (!out) out = std::make_unique<Column>();
  return *out;
}

void SharedValues::forget_gone(Column& column) {
  const auto now = std::chrono::steady_clock::now();
  std::vector<uint32_t> gone;
  for (auto at = column.entries.begin(); at != column.entries.end();) {
    const Entry& entry = at->second;
    if (entry.live ? now - entry.used <= kLiveKept : !entry.segment.expired()) {
      ++at;
      continue;
    }
    bytes_.fetch_sub(entry.filter.size() * sizeof(uint64_t));
    gone.push_back(entry.number);
    at = column.entries.erase(at);
  }
  if (gone.empty()) return;
  for (auto& [key, entry] : column.entries) {
    for (uint32_t number : gone) entry.compared.erase(number);
  }
}

Result<std::optional<std::vector<SharedValues::Ids>>> SharedValues::find(
    const std::string& name, std::span<const SegmentTexts> segments,
    uint64_t most_unread, QueryControl& control) {
  const std::optional<std::vector<Ids>> nothing;
  if (segments.size() > kMostSegments) return nothing;
  Column& column = this->column(name);
  Turn turn(column);
  TRY_ASSIGN(const bool taken, turn.take(control));
  const auto now = std::chrono::steady_clock::now();
  if (!taken || now < column.useless_until) return nothing;
  uint64_t unread = 0;
  for (const SegmentTexts& s : segments) {
    auto known = column.entries.find(s.key);
    const uint32_t read =
        known == column.entries.end() ? 1 : known->second.size;
    unread += s.dictionary->size() - std::min(read, s.dictionary->size());
  }
  if (unread > most_unread) return nothing;
  forget_gone(column);
  for (const SegmentTexts& s : segments) {
    auto [at, added] = column.entries.try_emplace(s.key);
    if (added) at->second.number = column.next_number++;
    at->second.live = !s.segment->sealed();
    at->second.segment = s.segment;
    at->second.used = now;
  }
  Comparison comparison(column.entries, segments, max_bytes_,
                        now < column.paused_until, bytes_, control);
  TRY_ASSIGN(const auto end, comparison.run());
  if (end == Comparison::End::kDone) return std::optional(comparison.shared());
  if (end == Comparison::End::kUseless) {
    column.useless_until = now + kUselessFor;
  } else if (now >= column.paused_until) {
    column.paused_until = now + kPause;
    if (end == Comparison::End::kNoRoom) make_room(column);
  }
  return nothing;
}

// Of other columns that nobody works on now.
void SharedValues::make_room(Column& full) {
  std::vector<Column*> others;
  {
    MutexLock lock(mutex_);
    for (auto& [name, column] : columns_) {
      if (column.get() != &full) others.push_back(column.get());
    }
  }
  const auto now = std::chrono::steady_clock::now();
  auto drop_old = [&](Column& column) {
    forget_gone(column);
    for (auto& [key, entry] : column.entries) {
      if (now - entry.used <= kFilterKept) continue;
      bytes_.fetch_sub(entry.filter.size() * sizeof(uint64_t));
      entry.filter = {};
    }
  };
  drop_old(full);
  for (Column* column : others) {
    Turn turn(*column);
    if (turn.take_at_once()) drop_old(*column);
  }
}

}  // namespace freshet
