#include "segments/segment_store.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "segments/checkpoint_files.h"
#include "segments/masked_segment.h"
#include "segments/recorded_segment.h"
#include "segments/segment_store_impl.h"

namespace freshet {
namespace {

// The number that ends the id in a file's name; 0 if there is none.
uint64_t number_of(std::string_view name) {
  std::string_view id = name.substr(0, name.find(".seg"));
  std::string_view digits = id.substr(id.rfind('_') + 1);
  uint64_t number = 0;
  auto parsed =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  // One that nobody can have counted up to is not of our making.
  constexpr uint64_t kMost = uint64_t{1} << 60;
  return parsed.ec == std::errc() && number < kMost ? number : 0;
}

}  // namespace

SegmentStoreImpl::SegmentStoreImpl(std::string data_folder, FileSystem& files,
                                   std::unique_ptr<MetadataStore> metadata)
    : data_folder_(std::move(data_folder)),
      segments_folder_(
          std::make_shared<const std::string>(data_folder_ + "/segments")),
      files_(files),
      metadata_(std::move(metadata)) {}

Status SegmentStoreImpl::load() {
  TRY(files_.create_folders(*segments_folder_));
  TRY(files_.sync_folder(data_folder_));  // or a power cut takes all below it
  TRY(load_next_id());
  TRY_ASSIGN(std::set<std::string> names, datasets_of(*metadata_));
  for (const std::string& name : names) TRY(load_dataset(name));
  return find_orphans();
}

Status SegmentStoreImpl::load_next_id() {
  TRY_ASSIGN(std::optional<std::string> text, metadata_->get(kNextIdKey));
  if (!text) return {};
  uint64_t number = 0;
  const char* end = text->data() + text->size();
  auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return Error{ErrorCode::kCorrupt, "not a segment number: " + *text};
  }
  next_id_ = number;
  return {};
}

Status SegmentStoreImpl::load_dataset(const std::string& dataset) {
  TRY_ASSIGN(std::vector<SegmentRecord> records, metadata_->segments(dataset));
  std::sort(records.begin(), records.end(),
            [](const SegmentRecord& a, const SegmentRecord& b) {
              return std::pair(a.granule.start, a.sequence) <
                     std::pair(b.granule.start, b.sequence);
            });
  TRY_ASSIGN(auto hidden, metadata_->hidden(dataset));
  MutexLock lock(commit_mutex_);
  HiddenById known_hidden;
  datasets_.change(dataset, [&](Timeline& timeline) {
    for (SegmentRecord& record : records) {
      auto rows = hidden.find(record.id);
      if (rows != hidden.end() &&
          rows->second->maximum().value_or(0) >= record.num_rows) {
        timeline.missing.push_back(
            {record.id, record.time_range,
             Error{ErrorCode::kCorrupt,
                   "hidden rows beyond the last one of " + record.id}});
        continue;
      }
      auto found = find_recorded(record);
      if (rows != hidden.end()) {
        timeline.hidden[record.id] = rows->second;
        known_hidden[record.id].add(0, *rows->second);
        found = with_hidden(std::move(found), rows->second);
      }
      timeline.sealed.push_back(std::move(found));
    }
  });
  if (!known_hidden.empty()) hidden_[dataset] = std::move(known_hidden);
  return {};
}

std::shared_ptr<const Segment> SegmentStoreImpl::find_recorded(
    const SegmentRecord& record) const {
  auto bytes = files_.size(path_of(record.file));
  return recorded_segment(segments_folder_, record,
                          bytes && *bytes == record.bytes);
}

// A new segment never takes the name of an orphan, so that these may be removed
// at any time later.
Status SegmentStoreImpl::find_orphans() {
  std::set<std::string> recorded;
  TRY_ASSIGN(std::set<std::string> names, datasets_of(*metadata_));
  for (const std::string& name : names) {
    TRY_ASSIGN(auto records, metadata_->segments(name));
    for (const SegmentRecord& record : records) recorded.insert(record.file);
  }
  uint64_t next_id = next_id_;
  std::vector<std::string> orphans;
  TRY_ASSIGN(auto folders, files_.list(*segments_folder_));
  for (const std::string& folder : folders) {
    auto files = files_.list(path_of(folder));
    if (!files) continue;  // a stray file, not ours to judge
    for (const std::string& name : *files) {
      std::string file = folder + "/" + name;
      bool ours = name.ends_with(".seg") || name.ends_with(".seg.tmp");
      if (!ours || recorded.contains(file)) continue;
      next_id = std::max(next_id, number_of(name) + 1);
      orphans.push_back(std::move(file));
    }
  }
  next_id_ = next_id;
  MutexLock lock(orphans_mutex_);
  orphans_ = std::move(orphans);
  return {};
}

Result<uint64_t> SegmentStoreImpl::remove_orphans(
    const std::function<bool()>& stopped) {
  std::vector<std::string> orphans;
  {
    MutexLock lock(orphans_mutex_);
    orphans.swap(orphans_);
  }
  uint64_t removed = 0;
  for (const std::string& file : orphans) {
    if (stopped && stopped()) break;  // the next start finds them again
    TRY(files_.remove(path_of(file)));
    ++removed;
  }
  return removed;
}

std::vector<std::string> SegmentStoreImpl::damaged() const {
  std::vector<std::string> messages;
  for (const auto& timeline : datasets_.all()) {
    for (const Timeline::Missing& missing : timeline->missing) {
      messages.push_back("segment " + missing.id + ": " +
                         missing.error.message);
    }
    for (const auto& segment : timeline->sealed) {
      if (auto fault = segment->fault()) {
        messages.push_back("segment " + segment->id() + ": " + fault->message);
      }
    }
  }
  return messages;
}

Status SegmentStoreImpl::checkpoint(const std::string& folder,
                                    const std::function<Status()>& more) {
  const std::string segments = folder + "/segments";
  TRY(files_.create_folders(segments));
  CheckpointFiles taken(segments, files_);
  {
    MutexLock lock(commit_mutex_);
    TRY(metadata_->checkpoint(folder + "/metadata"));
    TRY(more());
    TRY_ASSIGN(std::set<std::string> names, datasets_of(*metadata_));
    for (const std::string& name : names) {
      TRY(files_.create_folders(segments + "/" + name));
      TRY_ASSIGN(auto records, metadata_->segments(name));
      for (const SegmentRecord& record : records) {
        TRY(taken.take(path_of(record.file), record.file));
      }
    }
  }
  return taken.copy_rest();
}

namespace {

bool has_metadata(const std::string& data_folder, std::error_code& code) {
  return std::filesystem::exists(data_folder + "/metadata/CURRENT", code);
}

// Without metadata all segments would be orphans, and removed: it is made new
// only where there are none.
Status check_metadata_is_there(const std::string& data_folder,
                               FileSystem& files) {
  std::error_code code;
  // What cannot be looked at, RocksDB says.
  if (has_metadata(data_folder, code) || code) return {};
  auto folders = files.list(data_folder + "/segments");
  if (!folders) return {};
  for (const std::string& folder : *folders) {
    auto names = files.list(data_folder + "/segments/" + folder);
    if (!names) continue;
    for (const std::string& name : *names) {
      if (!name.ends_with(".seg")) continue;
      return Error{
          ErrorCode::kCorrupt,
          data_folder + "/metadata is gone, but segments are there (" + folder +
              "/" + name +
              "): restore it from a backup, or move the segments away"};
    }
  }
  return {};
}

}  // namespace

bool SegmentStore::is_data_folder(const std::string& folder) {
  std::error_code code;
  return has_metadata(folder, code);
}

Result<std::unique_ptr<SegmentStore>> SegmentStore::open(
    const std::string& data_folder, FileSystem& files, Orphans orphans) {
  TRY(files.create_folders(data_folder));
  TRY(check_metadata_is_there(data_folder, files));
  auto metadata = MetadataStore::open(data_folder + "/metadata", files);
  if (!metadata && metadata.error().code == ErrorCode::kConflict) {
    return Error{ErrorCode::kConflict,
                 "data folder is in use by another process: " + data_folder};
  }
  if (!metadata) return metadata.error();
  auto store = std::make_unique<SegmentStoreImpl>(data_folder, files,
                                                  std::move(*metadata));
  TRY(store->load());
  if (orphans == Orphans::kRemove) TRY(store->remove_orphans({}));
  return std::unique_ptr<SegmentStore>(std::move(store));
}

}  // namespace freshet
