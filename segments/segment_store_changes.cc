// What changes a dataset's segments: seal, merge, hide, drop.
#include <algorithm>

#include "segments/failpoint.h"
#include "segments/masked_segment.h"
#include "segments/merged_segment.h"
#include "segments/rollup.h"
#include "segments/row_order.h"
#include "segments/sealed_segment.h"
#include "segments/segment_store_impl.h"

namespace freshet {
namespace {

// Before a seal of rows that somebody keeps hiding makes them wait.
constexpr int kSealTries = 3;

// "20261122T000000Z" of a granule's start, for ids.
std::string compact_time(Timestamp t) {
  std::string text = to_iso8601(t);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text.substr(0, text.find('.')) + "Z";
}

std::shared_ptr<const Bitmap> hidden_of(const Timeline& timeline,
                                        std::string_view id) {
  auto found = timeline.hidden.find(id);
  return found == timeline.hidden.end() ? nullptr : found->second;
}

template <class List>
auto find_id(List& list, std::string_view id) {
  return std::find_if(list.begin(), list.end(),
                      [&](const auto& one) { return one->id() == id; });
}

using Masked =
    std::pair<std::shared_ptr<const Segment>, std::shared_ptr<const Bitmap>>;

Result<std::shared_ptr<const MergedSegment>> merged_view(
    const std::vector<Masked>& inputs) {
  std::vector<std::shared_ptr<const Segment>> segments;
  for (const auto& [segment, hidden] : inputs) {
    segments.push_back(hidden ? with_hidden(segment, hidden) : segment);
  }
  return MergedSegment::create(std::move(segments));
}

// The segment to write: the input itself if there is one and all of it.
Result<std::shared_ptr<const Segment>> view_of(
    const std::vector<Masked>& inputs) {
  if (inputs.size() == 1 && !inputs[0].second) return inputs[0].first;
  TRY_ASSIGN(auto view, merged_view(inputs));
  return std::shared_ptr<const Segment>(std::move(view));
}

// Rows of the file written from `inputs` that were hidden since: what
// `now` hides of the inputs and their masks did not. Nothing if there is none.
Result<std::shared_ptr<const Bitmap>> hidden_since(
    const Timeline& now, const std::vector<Masked>& inputs,
    const SealOptions& options) {
  std::vector<std::vector<uint32_t>> rows(inputs.size());
  bool some = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& [segment, before] = inputs[i];
    auto hidden = hidden_of(now, segment->id());
    if (!hidden || hidden == before) continue;
    rows[i] =
        before ? hidden->and_not(*before).to_vector() : hidden->to_vector();
    some |= !rows[i].empty();
  }
  if (!some) return std::shared_ptr<const Bitmap>();
  TRY_ASSIGN(auto view, merged_view(inputs));
  TRY_ASSIGN(std::vector<uint32_t> order, sorted_rows(*view, options.sort_by));
  std::vector<uint32_t> place(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  std::vector<uint32_t> hidden;
  for (size_t i = 0; i < inputs.size(); ++i) {
    for (uint32_t row : rows[i]) {
      auto at = view->rows().place_of(i, row);
      if (at) hidden.push_back(place.empty() ? *at : place[*at]);
    }
  }
  std::sort(hidden.begin(), hidden.end());
  return std::make_shared<const Bitmap>(Bitmap::of_sorted(hidden));
}

// Whether rows were hidden of what a rolled-up file was made of: there is no
// row in it to hide in their place, it has to be written again.
bool hidden_meanwhile(const Timeline& now, const std::vector<Masked>& inputs,
                      const SealOptions& options) {
  if (!options.rollup) return false;
  return std::ranges::any_of(inputs, [&](const Masked& input) {
    return hidden_of(now, input.first->id()) != input.second;
  });
}

Error gone(std::string_view id) {
  return Error{ErrorCode::kConflict,
               "segment is not there any more: " + std::string(id)};
}

}  // namespace

void SegmentStoreImpl::add_live(std::string_view dataset,
                                std::shared_ptr<const LiveSegment> live) {
  datasets_.change(dataset, [&](Timeline& timeline) {
    timeline.live.push_back(std::move(live));
  });
}

void SegmentStoreImpl::drop_live(std::string_view dataset) {
  datasets_.change(dataset, [](Timeline& timeline) {
    for (const auto& live : timeline.live) timeline.hidden.erase(live->id());
    timeline.live.clear();
  });
}

Result<SealStats> SegmentStoreImpl::seal(const Seal& seal) {
  failpoint("seal.begin");
  std::vector<NewSegment> written;
  for (int tries = 0; tries < kSealTries; ++tries) {
    TRY(write_all(seal, written));
    if (!is_stale(seal.dataset, written)) break;
  }
  Commit commit;
  commit.dataset = seal.dataset;
  commit.offsets = seal.offsets;
  commit.puts = seal.puts;
  Leaving leaving;
  for (const auto& live : seal.live) leaving.live.insert(live->id());
  MutexLock lock(commit_mutex_);
  // Under the lock nobody hides.
  if (is_stale(seal.dataset, written)) TRY(write_all(seal, written));
  TRY(publish(std::move(commit), written, leaving));
  SealStats stats;
  for (const NewSegment& segment : written) {
    stats.rows += segment.record.num_rows;
    stats.bytes += segment.record.bytes;
    ++stats.segments;
  }
  return stats;
}

Status SegmentStoreImpl::commit_batch(Commit& commit,
                                      const std::vector<NewSegment>& written) {
  bool moves = !commit.removed.empty() || !commit.hidden.empty();
  auto doubt = doubts_.find(commit.dataset);
  if (doubt != doubts_.end()) {
    if (doubt->second.frozen && moves) {
      remove_files(written);
      return Error{ErrorCode::kIo,
                   "a change of segments failed and may come back at the next "
                   "start; until then nothing is merged, dropped or hidden: " +
                       commit.dataset};
    }
    for (const SegmentRecord& record : doubt->second.added) {
      commit.removed.push_back(record.id);
    }
  }
  Status status = metadata_->commit(commit);
  if (status) {
    if (doubt == doubts_.end()) return {};
    for (const SegmentRecord& record : doubt->second.added) {
      (void)files_.remove(path_of(record.file));
    }
    doubt->second.added.clear();
    if (!doubt->second.frozen) doubts_.erase(doubt);
    return {};
  }
  ErrorCode code = status.error().code;
  if (code == ErrorCode::kConflict || code == ErrorCode::kLimit) {
    remove_files(written);  // nothing was committed
    if (code == ErrorCode::kConflict) return status;
    return Error{ErrorCode::kIo, status.error().message};
  }
  Doubt& open = doubts_[commit.dataset];
  if (moves) {
    open.frozen = true;
  } else {
    for (const auto& one : written) open.added.push_back(one.record);
  }
  return status;
}

// What cannot be removed now is collected when the store opens.
void SegmentStoreImpl::remove_files(const std::vector<NewSegment>& written) {
  for (const NewSegment& segment : written) {
    (void)files_.remove(path_of(segment.record.file));
  }
}

Status SegmentStoreImpl::prepare_folder(const std::string& dataset) {
  TRY(files_.create_folders(path_of(dataset)));
  // A new dataset's folder must survive with the files in it.
  return files_.sync_folder(*segments_folder_);
}

bool SegmentStoreImpl::is_stale(const std::string& dataset,
                                const std::vector<NewSegment>& written) const {
  auto now = timeline(dataset);
  return std::ranges::any_of(written, [&](const NewSegment& segment) {
    return hidden_meanwhile(*now, segment.inputs, segment.options);
  });
}

// In place of what was written before. On error no file is left.
Status SegmentStoreImpl::write_all(const Seal& seal,
                                   std::vector<NewSegment>& written) {
  remove_files(written);
  written.clear();
  Status status = write_each(seal, written);
  if (!status) remove_files(written);
  return status;
}

Status SegmentStoreImpl::write_each(const Seal& seal,
                                    std::vector<NewSegment>& written) {
  auto now = timeline(seal.dataset);
  for (const auto& live : seal.live) {
    NewSegment segment;
    auto hidden = hidden_of(*now, live->id());
    uint64_t num_hidden = hidden ? hidden->cardinality() : 0;
    if (live->num_rows() == num_hidden) continue;
    if (written.empty()) TRY(prepare_folder(seal.dataset));
    segment.inputs.emplace_back(live->snapshot(), std::move(hidden));
    segment.options = seal.options;
    TRY(write_file(files_, seal.dataset, live->granule(), segment));
    written.push_back(std::move(segment));
  }
  return {};
}

Status SegmentStoreImpl::write_file(FileSystem& files,
                                    const std::string& dataset,
                                    Interval granule, NewSegment& out) {
  TRY_ASSIGN(auto view, view_of(out.inputs));
  SegmentRecord& record = out.record;
  uint64_t number = next_id_.fetch_add(1);
  record.id = dataset + "_" + compact_time(granule.start) + "_" +
              std::to_string(number);
  record.file = dataset + "/" + record.id + ".seg";
  record.granule = granule;
  if (record.sequence == 0) record.sequence = number;
  std::string path = path_of(record.file);
  TRY_ASSIGN(SealedFile file,
             write_segment(files, *view, record.id, path, out.options));
  auto segment = open_segment(path);
  if (!segment) {
    (void)files_.remove(path);
    return segment.error();
  }
  out.segment = std::move(*segment);
  record.bytes = file.bytes;
  record.content_hash = file.content_hash;
  record.num_rows = file.num_rows;
  record.time_range = file.time_range;
  TRY_ASSIGN(const Rollup* rollup, out.segment->rollup());
  record.rollup = to_text(rollup);
  return {};
}

Status SegmentStoreImpl::publish(Commit commit,
                                 std::vector<NewSegment>& written,
                                 const Leaving& leaving) {
  auto now = timeline(commit.dataset);
  for (NewSegment& segment : written) {
    TRY_ASSIGN(segment.hidden,
               hidden_since(*now, segment.inputs, segment.options));
    commit.added.push_back(segment.record);
    if (segment.hidden) {
      commit.hidden.emplace_back(segment.record.id, segment.hidden);
    }
  }
  commit.removed.assign(leaving.sealed.begin(), leaving.sealed.end());
  commit.puts.emplace_back(kNextIdKey, std::to_string(next_id_.load()));
  failpoint("commit.before");
  TRY(commit_batch(commit, written));
  failpoint("commit.after");
  datasets_.change(commit.dataset, [&](Timeline& timeline) {
    for (const auto& id : leaving.live) timeline.hidden.erase(id);
    for (const auto& id : leaving.sealed) timeline.hidden.erase(id);
    std::erase_if(timeline.live, [&](const auto& live) {
      return leaving.live.contains(live->id());
    });
    // New ones take the place of the last that leaves: order of arrival.
    auto leaves = [&](const auto& segment) {
      return leaving.sealed.contains(segment->id());
    };
    auto last =
        std::find_if(timeline.sealed.rbegin(), timeline.sealed.rend(), leaves);
    auto after =
        last == timeline.sealed.rend() ? 0 : last - timeline.sealed.rbegin();
    std::erase_if(timeline.sealed, leaves);
    std::erase_if(timeline.missing, [&](const Timeline::Missing& missing) {
      return leaving.sealed.contains(missing.id);
    });
    for (NewSegment& segment : written) {
      if (segment.hidden) {
        timeline.hidden[segment.record.id] = segment.hidden;
        segment.segment = with_hidden(segment.segment, segment.hidden);
      }
      timeline.sealed.insert(timeline.sealed.end() - after, segment.segment);
    }
  });
  failpoint("swap.after");
  return {};
}

// Fills merged.inputs; returns the granule.
Result<Interval> SegmentStoreImpl::find_inputs(const Merge& merge,
                                               NewSegment& merged) const {
  auto now = timeline(merge.dataset);
  for (const std::string& id : merge.segments) {
    auto found = find_id(now->sealed, id);
    if (found == now->sealed.end()) return gone(id);
    merged.inputs.emplace_back(without_hidden(*found), hidden_of(*now, id));
  }
  TRY_ASSIGN(auto records, metadata_->segments(merge.dataset));
  std::optional<Interval> granule;
  for (const SegmentRecord& record : records) {
    if (std::find(merge.segments.begin(), merge.segments.end(), record.id) ==
        merge.segments.end()) {
      continue;
    }
    if (granule && !(*granule == record.granule)) {
      return invalid("segments of different granules: " + record.id);
    }
    granule = record.granule;
    merged.record.sequence = std::max(merged.record.sequence, record.sequence);
  }
  if (!granule) return invalid("nothing to merge in " + merge.dataset);
  TRY_ASSIGN(const Rollup* rollup, merged.inputs.front().first->rollup());
  merged.options.rollup.reset();  // rows stay what they are
  if (rollup != nullptr) merged.options.rollup = rollup->spec;
  return *granule;
}

Result<MergeStats> SegmentStoreImpl::merge(const Merge& merge) {
  failpoint("merge.begin");
  std::vector<NewSegment> written(1);
  NewSegment& merged = written[0];
  merged.options = merge.options;
  TRY_ASSIGN(Interval granule, find_inputs(merge, merged));
  MergeStats stats;
  uint64_t visible = 0;
  std::vector<std::string> paths;
  for (const auto& [segment, hidden] : merged.inputs) {
    stats.rows_read += segment->num_rows();
    stats.bytes_read += segment->size_bytes();
    ++stats.segments_read;
    visible += segment->num_rows() - (hidden ? hidden->cardinality() : 0);
    paths.push_back(path_of(merge.dataset + "/" + segment->id() + ".seg"));
  }
  if (visible > UINT32_MAX) {
    return Error{ErrorCode::kLimit,
                 "too many rows for one segment: " + std::to_string(visible)};
  }
  if (visible == 0) {
    written.clear();
  } else {
    PacedFiles paced(files_, merge.pace);
    TRY(write_file(merge.pace ? paced : files_, merge.dataset, granule,
                   merged));
  }
  Commit commit;
  commit.dataset = merge.dataset;
  Leaving leaving;
  leaving.sealed.insert(merge.segments.begin(), merge.segments.end());
  failpoint("merge.written");
  {
    MutexLock lock(commit_mutex_);
    auto now = timeline(merge.dataset);
    Status status;
    for (const std::string& id : merge.segments) {
      if (find_id(now->sealed, id) == now->sealed.end()) status = gone(id);
    }
    if (status && is_stale(merge.dataset, written)) {
      status = Error{
          ErrorCode::kConflict,
          "rows were hidden while they were merged: " + merge.segments.front()};
    }
    if (!status) {
      remove_files(written);
      return status.error();
    }
    TRY(publish(std::move(commit), written, leaving));
  }
  failpoint("merge.published");
  // Queries that still read them keep the mapping, and with it the bytes. A
  // name that cannot be removed is an orphan, collected at the next open.
  for (const std::string& path : paths) (void)files_.remove(path);
  failpoint("merge.removed");
  for (const NewSegment& segment : written) {
    stats.rows = segment.record.num_rows;
    stats.bytes = segment.record.bytes;
  }
  return stats;
}

Result<uint64_t> SegmentStoreImpl::hide(
    std::string_view dataset, const std::vector<HideRows>& rows,
    std::vector<std::pair<std::string, std::string>> puts) {
  MutexLock lock(commit_mutex_);
  auto now = timeline(dataset);
  Commit commit;
  commit.dataset = dataset;
  commit.puts = std::move(puts);
  std::map<std::string, std::shared_ptr<const Bitmap>> changed;
  uint64_t newly_hidden = 0;
  for (const HideRows& one : rows) {
    if (one.rows.empty()) continue;
    auto sealed = find_id(now->sealed, one.segment);
    auto live = find_id(now->live, one.segment);
    bool is_sealed = sealed != now->sealed.end();
    if (!is_sealed && live == now->live.end()) return gone(one.segment);
    uint32_t num_rows = is_sealed ? (*sealed)->num_rows() : (*live)->num_rows();
    if (one.rows.back() >= num_rows) {
      return invalid("no such row of " + one.segment + ": " +
                     std::to_string(one.rows.back()));
    }
    Bitmap all = Bitmap::of_sorted(one.rows);
    auto known = changed.find(one.segment);
    auto before =
        known != changed.end() ? known->second : hidden_of(*now, one.segment);
    uint64_t num_before = before ? before->cardinality() : 0;
    if (before) all = all | *before;
    newly_hidden += all.cardinality() - num_before;
    if (all.cardinality() == num_before) continue;
    changed[one.segment] = std::make_shared<const Bitmap>(std::move(all));
  }
  for (const auto& [id, hidden] : changed) {
    if (find_id(now->sealed, id) == now->sealed.end()) continue;
    commit.hidden.emplace_back(id, hidden);
  }
  failpoint("hide.before");
  if (!commit.hidden.empty() || !commit.puts.empty()) {
    TRY(commit_batch(commit, {}));
  }
  failpoint("hide.committed");
  if (changed.empty()) return 0;
  datasets_.change(dataset, [&](Timeline& timeline) {
    for (const auto& [id, hidden] : changed) {
      timeline.hidden[id] = hidden;
      auto sealed = find_id(timeline.sealed, id);
      auto live = find_id(timeline.live, id);
      if (sealed != timeline.sealed.end()) {
        *sealed = with_hidden(without_hidden(*sealed), hidden);
      } else {
        *live = with_hidden(without_hidden(*live), hidden);
      }
    }
  });
  return newly_hidden;
}

Result<DropStats> SegmentStoreImpl::drop_before(std::string_view dataset,
                                                Timestamp cutoff) {
  Commit commit;
  commit.dataset = dataset;
  Leaving leaving;
  DropStats stats;
  std::vector<std::string> paths;
  {
    MutexLock lock(commit_mutex_);
    TRY_ASSIGN(auto records, metadata_->segments(dataset));
    for (const SegmentRecord& record : records) {
      if (record.time_range.end > cutoff) continue;
      leaving.sealed.insert(record.id);
      paths.push_back(path_of(record.file));
      ++stats.segments;
      stats.rows += record.num_rows;
      stats.bytes += record.bytes;
    }
    if (paths.empty()) return stats;
    std::vector<NewSegment> none;
    failpoint("retention.before");
    TRY(publish(std::move(commit), none, leaving));
  }
  failpoint("retention.published");
  for (const std::string& path : paths) (void)files_.remove(path);
  return stats;
}

}  // namespace freshet
