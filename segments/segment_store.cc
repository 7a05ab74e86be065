#include "segments/segment_store.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <set>

#include "segments/dataset_segments.h"
#include "segments/sealed_segment.h"

namespace freshet {
namespace {

// Key of the number that the next sealed file takes; written with each commit
// so that ids are not given twice.
constexpr std::string_view kNextIdKey = "store/next_segment";

// "20261122T000000Z" of a granule's start, for ids.
std::string compact_time(Timestamp t) {
  std::string text = to_iso8601(t);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text.substr(0, text.find('.')) + "Z";
}

std::string file_of(std::string_view dataset, const std::string& id) {
  return std::string(dataset) + "/" + id + ".seg";
}

// A sealed file that is written but not yet committed.
struct NewSegment {
  SegmentRecord record;
  std::shared_ptr<const Segment> segment;
};

class SegmentStoreImpl final : public SegmentStore {
 public:
  SegmentStoreImpl(std::string data_folder, FileSystem& files,
                   std::unique_ptr<MetadataStore> metadata)
      : data_folder_(std::move(data_folder)),
        segments_folder_(data_folder_ + "/segments"),
        files_(files),
        metadata_(std::move(metadata)) {}

  Status load();

  std::shared_ptr<const Timeline> timeline(
      std::string_view dataset) const override {
    return datasets_.timeline(dataset);
  }

  void add_live(std::string_view dataset,
                std::shared_ptr<const LiveSegment> live) override {
    datasets_.change(dataset, [&](Timeline& timeline) {
      timeline.live.push_back(std::move(live));
    });
  }

  void drop_live(std::string_view dataset) override {
    datasets_.change(dataset,
                     [](Timeline& timeline) { timeline.live.clear(); });
  }

  Result<SealStats> seal(const Seal& seal) override;
  Result<uint32_t> drop_before(std::string_view dataset,
                               Timestamp cutoff) override;

  MetadataStore& metadata() override { return *metadata_; }
  const std::string& data_folder() const override { return data_folder_; }
  Result<uint64_t> free_bytes() const override {
    return files_.free_bytes(data_folder_);
  }
  std::vector<std::string> damaged() const override;

 private:
  Status load_next_id();
  Result<std::set<std::string>> dataset_names() const;
  Status load_dataset(const std::string& dataset);
  Result<std::shared_ptr<const Segment>> open_recorded(
      const SegmentRecord& record) const;
  Status collect_orphans();
  Status collect_orphans(const std::string& folder,
                         const std::set<std::string>& recorded);

  Status write_all(const Seal& seal, std::vector<NewSegment>& written);
  Result<NewSegment> write_one(const Seal& seal, const LiveSegment& live);
  void remove_files(const std::vector<NewSegment>& written);
  void keep_doubtful(const std::string& dataset,
                     const std::vector<NewSegment>& written);
  Status commit(const Seal& seal, const std::vector<NewSegment>& written);
  void swap(const Seal& seal, const std::vector<NewSegment>& written);
  std::string path_of(const std::string& file) const {
    return segments_folder_ + "/" + file;
  }

  const std::string data_folder_;
  const std::string segments_folder_;
  FileSystem& files_;
  const std::unique_ptr<MetadataStore> metadata_;
  std::atomic<uint64_t> next_id_{1};
  Mutex commit_mutex_;
  // Written segments whose commit failed without it being known how far.
  std::map<std::string, std::vector<SegmentRecord>> doubtful_
      ABSL_GUARDED_BY(commit_mutex_);
  DatasetSegments datasets_;
};

Status SegmentStoreImpl::load() {
  TRY(files_.create_folders(segments_folder_));
  TRY(load_next_id());
  TRY_ASSIGN(std::set<std::string> names, dataset_names());
  for (const std::string& name : names) TRY(load_dataset(name));
  return collect_orphans();
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

Result<std::set<std::string>> SegmentStoreImpl::dataset_names() const {
  constexpr std::string_view kPrefix = "segment/";
  std::set<std::string> names;
  auto visit = [&](std::string_view key, std::string_view) {
    key.remove_prefix(kPrefix.size());
    names.insert(std::string(key.substr(0, key.find('/'))));
    return true;
  };
  TRY(metadata_->scan(kPrefix, "", visit));
  return names;
}

Status SegmentStoreImpl::load_dataset(const std::string& dataset) {
  TRY_ASSIGN(std::vector<SegmentRecord> records, metadata_->segments(dataset));
  datasets_.change(dataset, [&](Timeline& timeline) {
    for (const SegmentRecord& record : records) {
      auto segment = open_recorded(record);
      if (segment) {
        timeline.sealed.push_back(std::move(*segment));
      } else {
        timeline.missing.push_back(
            {record.id, record.time_range, segment.error()});
      }
    }
  });
  return {};
}

// The file of a record, if it is the file that was committed.
Result<std::shared_ptr<const Segment>> SegmentStoreImpl::open_recorded(
    const SegmentRecord& record) const {
  std::string path = path_of(record.file);
  auto opened = open_segment(path);
  if (!opened && opened.error().code == ErrorCode::kNotFound) {
    // Not a wrong question, but rows that are lost.
    return Error{ErrorCode::kCorrupt,
                 path + ": the file of a committed segment is gone"};
  }
  TRY_ASSIGN(auto segment, std::move(opened));
  if (segment->id() != record.id ||
      segment->content_hash() != record.content_hash) {
    return Error{ErrorCode::kCorrupt,
                 path + ": not the file that was committed as " + record.id};
  }
  return segment;
}

Status SegmentStoreImpl::collect_orphans() {
  std::set<std::string> recorded;
  TRY_ASSIGN(std::set<std::string> names, dataset_names());
  for (const std::string& name : names) {
    TRY_ASSIGN(auto records, metadata_->segments(name));
    for (const SegmentRecord& record : records) recorded.insert(record.file);
  }
  TRY_ASSIGN(auto folders, files_.list(segments_folder_));
  for (const std::string& folder : folders) {
    TRY(collect_orphans(folder, recorded));
  }
  return {};
}

Status SegmentStoreImpl::collect_orphans(
    const std::string& folder, const std::set<std::string>& recorded) {
  auto names = files_.list(segments_folder_ + "/" + folder);
  if (!names) return {};  // a stray file, not ours to judge
  for (const std::string& name : *names) {
    std::string file = folder + "/" + name;
    bool ours = name.ends_with(".seg") || name.ends_with(".seg.tmp");
    if (ours && !recorded.contains(file)) TRY(files_.remove(path_of(file)));
  }
  return {};
}

Result<SealStats> SegmentStoreImpl::seal(const Seal& seal) {
  std::vector<NewSegment> written;
  if (Status status = write_all(seal, written); !status) {
    remove_files(written);
    return status.error();
  }
  if (Status status = commit(seal, written); !status) {
    ErrorCode code = status.error().code;
    if (code == ErrorCode::kConflict || code == ErrorCode::kLimit) {
      remove_files(written);  // nothing was committed
    } else {
      keep_doubtful(seal.dataset, written);
    }
    if (code == ErrorCode::kLimit) {
      return Error{ErrorCode::kIo, status.error().message};
    }
    return status.error();
  }
  swap(seal, written);
  SealStats stats;
  for (const NewSegment& segment : written) {
    stats.rows += segment.record.num_rows;
    stats.bytes += segment.record.bytes;
    ++stats.segments;
  }
  return stats;
}

// After a failed write the batch may still be in the log and come back at the
// next open, which then needs the files. The dataset's next commit takes the
// records out again, since its own segments may hold the same rows.
void SegmentStoreImpl::keep_doubtful(const std::string& dataset,
                                     const std::vector<NewSegment>& written) {
  MutexLock lock(commit_mutex_);
  auto& doubtful = doubtful_[dataset];
  for (const NewSegment& segment : written) {
    doubtful.push_back(segment.record);
  }
}

// What cannot be removed now is collected when the store opens.
void SegmentStoreImpl::remove_files(const std::vector<NewSegment>& written) {
  for (const NewSegment& segment : written) {
    (void)files_.remove(path_of(segment.record.file));
  }
}

Status SegmentStoreImpl::write_all(const Seal& seal,
                                   std::vector<NewSegment>& written) {
  for (const auto& live : seal.live) {
    if (live->num_rows() == 0) continue;
    if (written.empty()) {
      TRY(files_.create_folders(segments_folder_ + "/" + seal.dataset));
      // A new dataset's folder must survive with the files in it.
      TRY(files_.sync_folder(segments_folder_));
    }
    TRY_ASSIGN(NewSegment segment, write_one(seal, *live));
    written.push_back(std::move(segment));
  }
  return {};
}

Result<NewSegment> SegmentStoreImpl::write_one(const Seal& seal,
                                               const LiveSegment& live) {
  NewSegment result;
  SegmentRecord& record = result.record;
  record.id = seal.dataset + "_" + compact_time(live.granule().start) + "_" +
              std::to_string(next_id_.fetch_add(1));
  record.file = file_of(seal.dataset, record.id);
  std::string path = path_of(record.file);
  TRY_ASSIGN(SealedFile file, write_segment(files_, *live.snapshot(), record.id,
                                            path, seal.options));
  auto segment = open_segment(path);
  if (!segment) {
    (void)files_.remove(path);
    return segment.error();
  }
  result.segment = std::move(*segment);
  record.bytes = file.bytes;
  record.content_hash = file.content_hash;
  record.num_rows = file.num_rows;
  record.time_range = file.time_range;
  record.granule = live.granule();
  return result;
}

Status SegmentStoreImpl::commit(const Seal& seal,
                                const std::vector<NewSegment>& written) {
  Commit commit;
  commit.dataset = seal.dataset;
  commit.offsets = seal.offsets;
  commit.puts = seal.puts;
  for (const NewSegment& segment : written) {
    commit.added.push_back(segment.record);
  }
  // Under the lock, so that the stored number only grows.
  MutexLock lock(commit_mutex_);
  commit.puts.emplace_back(kNextIdKey, std::to_string(next_id_.load()));
  auto doubtful = doubtful_.find(seal.dataset);
  if (doubtful == doubtful_.end()) return metadata_->commit(commit);
  for (const SegmentRecord& record : doubtful->second) {
    commit.removed.push_back(record.id);
  }
  TRY(metadata_->commit(commit));
  for (const SegmentRecord& record : doubtful->second) {
    (void)files_.remove(path_of(record.file));
  }
  doubtful_.erase(doubtful);
  return {};
}

void SegmentStoreImpl::swap(const Seal& seal,
                            const std::vector<NewSegment>& written) {
  datasets_.change(seal.dataset, [&](Timeline& timeline) {
    std::erase_if(timeline.live, [&](const auto& live) {
      return std::any_of(seal.live.begin(), seal.live.end(),
                         [&](const auto& done) { return done == live; });
    });
    for (const NewSegment& segment : written) {
      timeline.sealed.push_back(segment.segment);
    }
  });
}

Result<uint32_t> SegmentStoreImpl::drop_before(std::string_view dataset,
                                               Timestamp cutoff) {
  Commit commit;
  commit.dataset = dataset;
  std::set<std::string> dropped;
  std::vector<std::string> paths;
  TRY_ASSIGN(auto records, metadata_->segments(dataset));
  for (const SegmentRecord& record : records) {
    if (record.time_range.end > cutoff) continue;
    commit.removed.push_back(record.id);
    dropped.insert(record.id);
    paths.push_back(path_of(record.file));
  }
  if (dropped.empty()) return 0;
  TRY(metadata_->commit(commit));
  datasets_.change(dataset, [&](Timeline& timeline) {
    std::erase_if(timeline.sealed, [&](const auto& segment) {
      return dropped.contains(segment->id());
    });
    std::erase_if(timeline.missing, [&](const Timeline::Missing& missing) {
      return dropped.contains(missing.id);
    });
  });
  // Queries that still read them keep the mapping, and with it the bytes. A
  // name that cannot be removed is an orphan, collected at the next open.
  for (const std::string& path : paths) (void)files_.remove(path);
  return static_cast<uint32_t>(dropped.size());
}

std::vector<std::string> SegmentStoreImpl::damaged() const {
  std::vector<std::string> messages;
  for (const auto& timeline : datasets_.all()) {
    for (const Timeline::Missing& missing : timeline->missing) {
      messages.push_back("segment " + missing.id + ": " +
                         missing.error.message);
    }
  }
  return messages;
}

}  // namespace

Result<std::unique_ptr<SegmentStore>> SegmentStore::open(
    const std::string& data_folder, FileSystem& files) {
  TRY(files.create_folders(data_folder));
  auto metadata = MetadataStore::open(data_folder + "/metadata");
  if (!metadata && metadata.error().code == ErrorCode::kConflict) {
    return Error{ErrorCode::kConflict,
                 "data folder is in use by another process: " + data_folder};
  }
  if (!metadata) return metadata.error();
  auto store = std::make_unique<SegmentStoreImpl>(data_folder, files,
                                                  std::move(*metadata));
  TRY(store->load());
  return std::unique_ptr<SegmentStore>(std::move(store));
}

}  // namespace freshet
