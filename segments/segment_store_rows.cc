// What changes rows: live segments come and grow, rows are hidden.
#include <algorithm>

#include "segments/failpoint.h"
#include "segments/masked_segment.h"
#include "segments/segment_store_impl.h"

namespace freshet {
namespace {

template <class List>
auto find_id(List& list, std::string_view id) {
  return std::find_if(list.begin(), list.end(),
                      [&](const auto& one) { return one->id() == id; });
}

// Rows that a segment of the timeline has; kConflict if it is not there.
Result<uint32_t> rows_of(const Timeline& timeline, std::string_view id) {
  auto sealed = find_id(timeline.sealed, id);
  if (sealed != timeline.sealed.end()) return (*sealed)->num_rows();
  auto live = find_id(timeline.live, id);
  if (live != timeline.live.end()) return (*live)->num_rows();
  return Error{ErrorCode::kConflict,
               "segment is not there any more: " + std::string(id)};
}

// The rows of `one` that are not in `before`.
Result<std::optional<Bitmap>> newly_hidden(const Timeline& timeline,
                                           const HideRows& one,
                                           const HiddenRows::Rows& before) {
  if (one.rows.empty()) return std::optional<Bitmap>();
  TRY_ASSIGN(uint32_t num_rows, rows_of(timeline, one.segment));
  if (one.rows.back() >= num_rows) {
    return invalid("no such row of " + one.segment + ": " +
                   std::to_string(one.rows.back()));
  }
  Bitmap rows = Bitmap::of_sorted(one.rows);
  if (before != nullptr) rows = rows.and_not(*before);
  if (rows.empty()) return std::optional<Bitmap>();
  return std::optional(std::move(rows));
}

}  // namespace

RowMoves SegmentStoreImpl::moves_of(std::vector<NewSegment>& written,
                                    const Leaving& leaving) {
  RowMoves moves;
  std::set<std::string> moved;
  for (NewSegment& segment : written) {
    for (size_t i = 0; i < segment.places.size(); ++i) {
      const std::string& from = segment.inputs[i].first->id();
      moved.insert(from);
      moves.moved.push_back(
          {from, segment.record.id, std::move(segment.places[i])});
    }
  }
  for (const auto* ids : {&leaving.live, &leaving.sealed}) {
    for (const std::string& id : *ids) {
      if (!moved.contains(id)) moves.dropped.push_back(id);
    }
  }
  return moves;
}

std::shared_ptr<const DatasetAliases> SegmentStoreImpl::find_aliases(
    std::string_view dataset) const {
  auto found = aliases_.find(dataset);
  return found == aliases_.end() ? nullptr : found->second;
}

std::shared_ptr<const DatasetAliases> SegmentStoreImpl::aliases(
    std::string_view dataset) const {
  MutexLock lock(commit_mutex_);
  return find_aliases(dataset);
}

void SegmentStoreImpl::set_aliases(std::string_view dataset,
                                   DatasetAliases aliases) {
  auto given = std::make_shared<const DatasetAliases>(std::move(aliases));
  MutexLock lock(commit_mutex_);
  auto known = find_aliases(dataset);
  if (known == nullptr ? given->empty() : *known == *given) return;
  aliases_.insert_or_assign(std::string(dataset), given);
  datasets_.change(dataset, [&](Timeline& timeline) {
    for (auto& segment : timeline.sealed) {
      segment = with_aliases(without_aliases(without_hidden(segment)), given);
      auto rows = timeline.hidden.find(segment->id());
      if (rows == timeline.hidden.end()) continue;
      segment = with_hidden(std::move(segment), rows->second);
    }
  });
}

void SegmentStoreImpl::add_live(std::string_view dataset,
                                std::shared_ptr<const LiveSegment> live) {
  datasets_.change(dataset, [&](Timeline& timeline) {
    timeline.live.push_back(std::move(live));
  });
}

void SegmentStoreImpl::watch_rows(std::string_view dataset,
                                  std::function<void(RowMoves)> moved) {
  MutexLock lock(commit_mutex_);
  if (moved) {
    watchers_.insert_or_assign(std::string(dataset), std::move(moved));
  } else if (auto found = watchers_.find(dataset); found != watchers_.end()) {
    watchers_.erase(found);
  }
}

void SegmentStoreImpl::mask(Timeline& timeline, const HiddenById& hidden,
                            const std::set<std::string>& ids) {
  for (const std::string& id : ids) {
    auto rows = hidden.find(id);
    HiddenRows::Rows all = rows == hidden.end() ? nullptr : rows->second.all();
    if (all != nullptr) {
      timeline.hidden[id] = all;
    } else {
      timeline.hidden.erase(id);
    }
    auto sealed = find_id(timeline.sealed, id);
    if (sealed != timeline.sealed.end()) {
      *sealed = without_hidden(*sealed);
      if (all != nullptr) *sealed = with_hidden(std::move(*sealed), all);
      continue;
    }
    auto live = find_id(timeline.live, id);
    if (live != timeline.live.end()) *live = with_hidden(*live, all);
  }
}

void SegmentStoreImpl::drop_live(std::string_view dataset) {
  MutexLock lock(commit_mutex_);
  HiddenById& hidden = hidden_[std::string(dataset)];
  std::set<std::string> changed;
  auto current = timeline(dataset);
  for (const auto& live : current->live) hidden.erase(live->id());
  for (auto rows = hidden.begin(); rows != hidden.end();) {
    if (rows->second.unsettled_up_to(UINT64_MAX)) changed.insert(rows->first);
    rows->second.take_back();
    rows = rows->second.all() ? std::next(rows) : hidden.erase(rows);
  }
  datasets_.change(dataset, [&](Timeline& timeline) {
    for (const auto& live : timeline.live) timeline.hidden.erase(live->id());
    timeline.live.clear();
    mask(timeline, hidden, changed);
  });
}

Status SegmentStoreImpl::change_rows(std::string_view dataset,
                                     const RowChange& change) {
  MutexLock lock(commit_mutex_);
  auto now = timeline(dataset);
  std::vector<std::pair<std::string, Bitmap>> rows;
  HiddenById& hidden = hidden_[std::string(dataset)];
  for (const HideRows& one : change.hide) {
    auto known = hidden.find(one.segment);
    TRY_ASSIGN(
        std::optional<Bitmap> fresh,
        newly_hidden(*now, one,
                     known == hidden.end() ? nullptr : known->second.all()));
    if (fresh) rows.emplace_back(one.segment, std::move(*fresh));
  }
  std::set<std::string> changed;
  for (const auto& [id, fresh] : rows) {
    hidden[id].add(change.generation, fresh);
    changed.insert(id);
  }
  datasets_.change(dataset, [&](Timeline& timeline) {
    for (const auto& [live, num_rows] : change.visible) {
      auto found = find_id(timeline.live, live->id());
      if (found == timeline.live.end()) {
        timeline.live.push_back(with_rows(live, num_rows));
      } else {
        *found = with_rows(*found, num_rows);
      }
    }
    mask(timeline, hidden, changed);
  });
  return {};
}

Result<uint64_t> SegmentStoreImpl::hide(
    std::string_view dataset, const std::vector<HideRows>& rows,
    std::vector<std::pair<std::string, std::string>> puts) {
  MutexLock lock(commit_mutex_);
  auto now = timeline(dataset);
  HiddenById& hidden = hidden_[std::string(dataset)];
  std::map<std::string, HiddenRows> after;  // of the segments that change
  uint64_t count = 0;
  for (const HideRows& one : rows) {
    HiddenRows known;
    auto before = hidden.find(one.segment);
    if (before != hidden.end()) known = before->second;
    auto entry = after.try_emplace(one.segment, std::move(known)).first;
    HiddenRows& all = entry->second;
    // What only a row that is not durable hides must be hidden for good too.
    TRY_ASSIGN(std::optional<Bitmap> fresh,
               newly_hidden(*now, one, all.up_to(0)));
    if (!fresh) continue;
    count += all.all() == nullptr ? fresh->cardinality()
                                  : fresh->and_not(*all.all()).cardinality();
    all.add(0, *fresh);
  }
  Commit commit;
  commit.dataset = dataset;
  commit.puts = std::move(puts);
  std::set<std::string> changed;
  for (const auto& [id, all] : after) {
    HiddenRows::Rows durable = all.up_to(0);
    if (durable == nullptr) continue;
    changed.insert(id);
    if (find_id(now->sealed, id) != now->sealed.end()) {
      commit.hidden.emplace_back(id, std::move(durable));
    }
  }
  failpoint("hide.before");
  if (!commit.hidden.empty() || !commit.puts.empty()) {
    TRY(commit_batch(commit, {}, false));
  }
  failpoint("hide.committed");
  if (changed.empty()) return 0;
  for (const std::string& id : changed) hidden[id] = std::move(after[id]);
  datasets_.change(
      dataset, [&](Timeline& timeline) { mask(timeline, hidden, changed); });
  return count;
}

}  // namespace freshet
