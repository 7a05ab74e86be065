// What changes a dataset's segments: seal, merge, drop, and the copy for a
// backup. What changes rows within them is in segment_store_rows.cc.
#include <algorithm>

#include "segments/batched_folders.h"
#include "segments/failpoint.h"
#include "segments/masked_segment.h"
#include "segments/merged_segment.h"
#include "segments/rollup.h"
#include "segments/sealed_segment.h"
#include "segments/segment_store_impl.h"

namespace freshet {
namespace {

// Of rows that are rolled up while somebody keeps hiding some.
constexpr int kSealTries = 20;

// "20261122T000000Z" of a granule's start, for ids.
std::string compact_time(Timestamp t) {
  std::string text = to_iso8601(t);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text.substr(0, text.find('.')) + "Z";
}

template <class List>
auto find_id(List& list, std::string_view id) {
  return std::find_if(list.begin(), list.end(),
                      [&](const auto& one) { return one->id() == id; });
}

// The segment to write: the input itself if there is one and all of it.
Result<std::shared_ptr<const Segment>> view_of(
    const std::vector<MaskedInput>& inputs) {
  if (inputs.size() == 1 && !inputs[0].second) return inputs[0].first;
  std::vector<std::shared_ptr<const Segment>> segments;
  for (const auto& [segment, hidden] : inputs) {
    segments.push_back(hidden ? with_hidden(segment, hidden) : segment);
  }
  TRY_ASSIGN(auto view, MergedSegment::create(std::move(segments)));
  return std::shared_ptr<const Segment>(std::move(view));
}

// Whether rows were hidden of what a rolled-up file was made of: there is no
// row in it to hide in their place, it has to be written again.
bool hidden_meanwhile(const HiddenRows& now, const HiddenRows::Rows& before) {
  uint64_t left_out = before ? before->cardinality() : 0;
  return now.all() != nullptr && now.all()->cardinality() > left_out;
}

Error gone(std::string_view id) {
  return Error{ErrorCode::kConflict,
               "segment is not there any more: " + std::string(id)};
}

}  // namespace

Result<SealStats> SegmentStoreImpl::seal(const Seal& seal) {
  failpoint("seal.begin");
  std::vector<NewSegment> written;
  for (int tries = 0; tries < kSealTries; ++tries) {
    TRY(write_all(seal, written));
    Commit commit;
    commit.dataset = seal.dataset;
    commit.offsets = seal.offsets;
    commit.removed_keys = seal.removed_keys;
    commit.puts = seal.puts;
    Leaving leaving;
    leaving.generation = seal.generation;
    for (const auto& live : seal.live) leaving.live.insert(live->id());
    MutexLock lock(commit_mutex_);
    if (is_stale(seal.dataset, written)) continue;
    TRY(publish(std::move(commit), written, leaving));
    SealStats stats;
    for (const NewSegment& segment : written) {
      stats.rows += segment.record.num_rows;
      stats.bytes += segment.record.bytes;
      ++stats.segments;
    }
    return stats;
  }
  remove_files(written);
  return Error{ErrorCode::kLimit, "rows of " + seal.dataset +
                                      " were hidden each time while they were "
                                      "rolled up: " +
                                      std::to_string(kSealTries) + " times"};
}

Status SegmentStoreImpl::commit_batch(Commit& commit,
                                      const std::vector<NewSegment>& written,
                                      bool is_seal) {
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
    // Only its repetition may take a seal in doubt back: anything else would
    // leave its offsets without its rows.
    if (!is_seal && !doubt->second.added.empty()) {
      remove_files(written);
      return Error{ErrorCode::kIo,
                   "a seal failed and may come back at the next start; until "
                   "it is repeated nothing is merged, dropped or hidden: " +
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
  // What a seal hides is hidden by its repetition too.
  if (moves && !is_seal) {
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
  auto hidden = hidden_.find(dataset);
  if (hidden == hidden_.end()) return false;
  for (const NewSegment& segment : written) {
    if (!segment.options.rollup) continue;
    for (const auto& [input, before] : segment.inputs) {
      auto rows = hidden->second.find(input->id());
      if (rows != hidden->second.end() &&
          hidden_meanwhile(rows->second, before)) {
        return true;
      }
    }
  }
  return false;
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
  BatchedFolders files(files_);  // a load may seal thousands at once
  for (const auto& live : seal.live) {
    NewSegment segment;
    auto hidden = hidden_up_to(seal.dataset, live->id(), seal.generation);
    uint64_t num_hidden = hidden ? hidden->cardinality() : 0;
    if (live->num_rows() == num_hidden) continue;
    if (written.empty()) TRY(prepare_folder(seal.dataset));
    segment.inputs.emplace_back(live->snapshot(), std::move(hidden));
    segment.options = seal.options;
    TRY(write_file(files, seal.dataset, live->granule(), segment));
    written.push_back(std::move(segment));
  }
  return files.sync_all();
}

// Rows that were rolled up are no rows of the new segment.
void SegmentStoreImpl::find_places(NewSegment& segment) {
  if (!segment.options.rollup) {
    segment.places = new_places(segment.inputs, segment.order);
    return;
  }
  segment.places.clear();
  for (const auto& [input, hidden] : segment.inputs) {
    segment.places.emplace_back(input->num_rows(), kNoRow);
  }
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
  out.order = std::move(file.order);
  if (is_watched(dataset)) find_places(out);
  return {};
}

HiddenRows::Rows SegmentStoreImpl::hidden_up_to(std::string_view dataset,
                                                std::string_view id,
                                                uint64_t generation) const {
  MutexLock lock(commit_mutex_);
  auto segments = hidden_.find(dataset);
  if (segments == hidden_.end()) return nullptr;
  auto found = segments->second.find(id);
  return found == segments->second.end() ? nullptr
                                         : found->second.up_to(generation);
}

bool SegmentStoreImpl::is_watched(std::string_view dataset) const {
  MutexLock lock(commit_mutex_);
  return watchers_.contains(dataset);
}

// Rows of the new segment that were hidden while it was written, or by what is
// not durable yet.
void SegmentStoreImpl::find_hidden_since(const HiddenById& hidden,
                                         uint64_t settled,
                                         NewSegment& segment) const {
  for (size_t i = 0; i < segment.inputs.size(); ++i) {
    const auto& [input, left_out] = segment.inputs[i];
    auto found = hidden.find(input->id());
    if (found == hidden.end()) continue;
    for (const auto& [generation, all] : found->second.by_generation()) {
      std::vector<uint32_t> rows =
          left_out ? all->and_not(*left_out).to_vector() : all->to_vector();
      if (rows.empty()) continue;
      if (segment.places.empty()) {
        find_places(segment);
      }
      for (uint32_t& row : rows) row = segment.places[i][row];
      std::sort(rows.begin(), rows.end());
      segment.hidden.add(generation <= settled ? 0 : generation,
                         Bitmap::of_sorted(rows));
    }
  }
}

Status SegmentStoreImpl::publish(Commit commit,
                                 std::vector<NewSegment>& written,
                                 const Leaving& leaving) {
  const std::string dataset = commit.dataset;
  HiddenById& hidden = hidden_[dataset];
  for (NewSegment& segment : written) {
    find_hidden_since(hidden, leaving.generation, segment);
    commit.added.push_back(segment.record);
    if (auto rows = segment.hidden.up_to(0)) {
      commit.hidden.emplace_back(segment.record.id, std::move(rows));
    }
  }
  auto now = timeline(dataset);
  for (const auto& segment : now->sealed) {
    auto found = hidden.find(segment->id());
    if (found == hidden.end() || leaving.contains(segment->id()) ||
        !found->second.unsettled_up_to(leaving.generation)) {
      continue;
    }
    commit.hidden.emplace_back(segment->id(),
                               found->second.up_to(leaving.generation));
  }
  commit.removed.assign(leaving.sealed.begin(), leaving.sealed.end());
  commit.puts.emplace_back(kNextIdKey, std::to_string(next_id_.load()));
  failpoint("commit.before");
  TRY(commit_batch(commit, written, leaving.sealed.empty()));
  failpoint("commit.after");
  for (const auto& id : leaving.live) hidden.erase(id);
  for (const auto& id : leaving.sealed) hidden.erase(id);
  for (auto& [id, rows] : hidden) rows.settle(leaving.generation);
  for (NewSegment& segment : written) {
    if (segment.hidden.all()) hidden[segment.record.id] = segment.hidden;
  }
  for (NewSegment& segment : written) {
    segment.segment = with_aliases(segment.segment, find_aliases(dataset));
  }
  datasets_.change(dataset, [&](Timeline& timeline) {
    swap_in(timeline, written, leaving, hidden);
  });
  failpoint("swap.after");
  auto watcher = watchers_.find(dataset);
  if (watcher == watchers_.end()) return {};
  for (NewSegment& segment : written) {
    if (!segment.places.empty())
      continue;  // else: watched since it was written
    find_places(segment);
  }
  watcher->second(moves_of(written, leaving));
  return {};
}

void SegmentStoreImpl::swap_in(Timeline& timeline,
                               std::vector<NewSegment>& written,
                               const Leaving& leaving,
                               const HiddenById& hidden) const {
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
    auto rows = hidden.find(segment.record.id);
    if (rows != hidden.end()) {
      timeline.hidden[segment.record.id] = rows->second.all();
      segment.segment = with_hidden(segment.segment, rows->second.all());
    }
    timeline.sealed.insert(timeline.sealed.end() - after, segment.segment);
  }
}

// Fills merged.inputs; returns the granule.
Result<Interval> SegmentStoreImpl::find_inputs(const Merge& merge,
                                               NewSegment& merged) const {
  auto now = timeline(merge.dataset);
  for (const std::string& id : merge.segments) {
    auto found = find_id(now->sealed, id);
    if (found == now->sealed.end()) return gone(id);
    merged.inputs.emplace_back(without_hidden(*found),
                               hidden_up_to(merge.dataset, id, 0));
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
