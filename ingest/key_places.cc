#include "ingest/key_places.h"

#include "ingest/row_map.h"

namespace freshet {
namespace {

constexpr uint64_t kRowsInMemory = 4'000'000;  // 16 MB

}  // namespace

KeyPlaces::KeyPlaces(std::string folder) : folder_(std::move(folder)) {}
KeyPlaces::~KeyPlaces() = default;

void KeyPlaces::moved(RowMoves moves) {
  MutexLock lock(mutex_);
  told_.push_back(std::move(moves));
}

bool KeyPlaces::take_moves() {
  std::vector<RowMoves> told;
  {
    MutexLock lock(mutex_);
    told.swap(told_);
  }
  for (const RowMoves& moves : told) {
    ++version_;
    for (const RowMoves::Move& move : moves.moved) replace(move);
    for (const std::string& id : moves.dropped) {
      auto known = numbers_.find(id);
      if (known == numbers_.end()) continue;
      Segment& segment = segments_[known->second];
      segment.gone = true;
      segment.id.clear();
      numbers_.erase(known);
    }
  }
  return !told.empty();
}

void KeyPlaces::replace(const RowMoves::Move& move) {
  auto known = numbers_.find(move.from);
  if (known == numbers_.end()) return;  // no entry means it
  uint32_t from = known->second;
  numbers_.erase(known);
  uint32_t to = number_of(move.to);
  Segment& segment = segments_[from];
  segment.id.clear();
  segment.moved_to = to;
  segment.rows = map_of(move.rows);
  segment.version = version_;
  tracked_rows_ += move.rows.size();
}

std::unique_ptr<RowMap> KeyPlaces::map_of(
    const std::vector<uint32_t>& rows) const {
  bool fits = tracked_rows_ + rows.size() <= kRowsInMemory;
  return RowMap::create(rows, fits ? std::string() : folder_);
}

uint32_t KeyPlaces::number_of(const std::string& id) {
  auto [known, added] =
      numbers_.emplace(id, static_cast<uint32_t>(segments_.size()));
  if (added) segments_.emplace_back().id = id;
  return known->second;
}

const std::string& KeyPlaces::id_of(uint32_t number) const {
  return segments_[number].id;
}

bool KeyPlaces::resolve(KeyEntry& entry) const {
  for (;;) {
    const Segment& segment = segments_[entry.segment];
    if (segment.gone) return false;
    if (segment.rows == nullptr) return true;
    uint32_t row = segment.rows->rows()[entry.row];
    if (row == kNoRow) return false;
    entry.segment = segment.moved_to;
    entry.row = row;
  }
}

void KeyPlaces::release(uint64_t version) {
  for (Segment& segment : segments_) {
    if (segment.rows == nullptr || segment.version > version) continue;
    tracked_rows_ -= segment.rows->rows().size();
    segment.rows = nullptr;
    segment.gone = true;  // no entry means it any more
  }
}

}  // namespace freshet
