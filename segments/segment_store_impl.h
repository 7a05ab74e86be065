// SegmentStoreImpl: the one SegmentStore. Opening and copying are in
// segment_store.cc, what changes segments in segment_store_changes.cc.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "segments/dataset_segments.h"
#include "segments/hidden_rows.h"
#include "segments/mutex.h"
#include "segments/segment_store.h"

namespace freshet {

// Key of the number that the next sealed file takes; written with each commit
// so that ids are not given twice.
inline constexpr std::string_view kNextIdKey = "store/next_segment";

class SegmentStoreImpl final : public SegmentStore {
 public:
  SegmentStoreImpl(std::string data_folder, FileSystem& files,
                   std::unique_ptr<MetadataStore> metadata);

  Status load();

  std::shared_ptr<const Timeline> timeline(
      std::string_view dataset) const override {
    return datasets_.timeline(dataset);
  }
  void set_aliases(std::string_view dataset, DatasetAliases aliases) override;
  std::shared_ptr<const DatasetAliases> aliases(
      std::string_view dataset) const override;
  void add_live(std::string_view dataset,
                std::shared_ptr<const LiveSegment> live) override;
  Status change_rows(std::string_view dataset,
                     const RowChange& change) override;
  void watch_rows(std::string_view dataset,
                  std::function<void(RowMoves)> moved) override;
  void drop_live(std::string_view dataset) override;
  Result<SealStats> seal(const Seal& seal) override;
  Result<MergeStats> merge(const Merge& merge) override;
  Result<uint64_t> hide(
      std::string_view dataset, const std::vector<HideRows>& rows,
      std::vector<std::pair<std::string, std::string>> puts) override;
  Result<DropStats> drop_before(std::string_view dataset,
                                Timestamp cutoff) override;
  Status checkpoint(const std::string& folder,
                    const std::function<Status()>& more) override;

  Result<uint64_t> remove_orphans(
      const std::function<bool()>& stopped) override;

  MetadataStore& metadata() override { return *metadata_; }
  const std::string& data_folder() const override { return data_folder_; }
  Result<uint64_t> free_bytes() const override {
    return files_.free_bytes(data_folder_);
  }
  std::vector<std::string> damaged() const override;

 private:
  using HiddenById = std::map<std::string, HiddenRows, std::less<>>;
  // A sealed file that is written but not yet committed.
  struct NewSegment {
    SegmentRecord record;
    std::shared_ptr<const Segment> segment;
    // What it was made of; the rows left out were durably hidden.
    std::vector<MaskedInput> inputs;
    SealOptions options;
    std::vector<uint32_t> order;                // see SealedFile
    std::vector<std::vector<uint32_t>> places;  // new_places(), if asked for
    HiddenRows hidden;                          // rows hidden since
  };
  // Ids that leave the timeline with a commit.
  struct Leaving {
    std::set<std::string, std::less<>> live, sealed;
    // Generations up to this one are durable with the commit.
    uint64_t generation = 0;
    bool contains(const std::string& id) const {
      return live.contains(id) || sealed.contains(id);
    }
  };

  Status load_next_id();
  Status load_dataset(const std::string& dataset);
  // Looks whether the file of a record is there and has its size.
  std::shared_ptr<const Segment> find_recorded(
      const SegmentRecord& record) const;
  Status find_orphans();

  Status write_all(const Seal& seal, std::vector<NewSegment>& written);
  Status write_each(const Seal& seal, std::vector<NewSegment>& written);
  // Whether a file has to be written again, see hidden_meanwhile.
  bool is_stale(const std::string& dataset,
                const std::vector<NewSegment>& written) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  Status prepare_folder(const std::string& dataset);
  // Writes the visible rows of new_segment.inputs, of which there is one.
  Status write_file(FileSystem& files, const std::string& dataset,
                    Interval granule, NewSegment& new_segment);
  static void find_places(NewSegment& segment);
  Result<Interval> find_inputs(const Merge& merge, NewSegment& merged) const;
  // What generations up to `generation` hide of a segment; null if nothing.
  HiddenRows::Rows hidden_up_to(std::string_view dataset, std::string_view id,
                                uint64_t generation) const;
  bool is_watched(std::string_view dataset) const;
  void find_hidden_since(const HiddenById& hidden, uint64_t settled,
                         NewSegment& segment) const;
  std::shared_ptr<const DatasetAliases> find_aliases(std::string_view dataset)
      const ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  void swap_in(Timeline& timeline, std::vector<NewSegment>& written,
               const Leaving& leaving, const HiddenById& hidden) const;
  static RowMoves moves_of(std::vector<NewSegment>& written,
                           const Leaving& leaving);
  // Masks the dataset's segments `ids` by what is hidden of them now.
  static void mask(Timeline& timeline, const HiddenById& hidden,
                   const std::set<std::string>& ids);
  // The one step of every change: batch, then timeline.
  Status publish(Commit commit, std::vector<NewSegment>& written,
                 const Leaving& leaving)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  // Writes the batch; removes `written` if nothing was committed.
  Status commit_batch(Commit& commit, const std::vector<NewSegment>& written,
                      bool is_seal)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  void remove_files(const std::vector<NewSegment>& written);
  std::string path_of(const std::string& file) const {
    return *segments_folder_ + "/" + file;
  }

  const std::string data_folder_;
  const std::shared_ptr<const std::string> segments_folder_;
  FileSystem& files_;
  const std::unique_ptr<MetadataStore> metadata_;
  std::atomic<uint64_t> next_id_{1};
  // Held over a batch and its timeline, so that timelines follow one another
  // as their batches do.
  mutable Mutex commit_mutex_;
  std::map<std::string, HiddenById, std::less<>> hidden_
      ABSL_GUARDED_BY(commit_mutex_);  // by dataset, then segment
  std::map<std::string, std::shared_ptr<const DatasetAliases>, std::less<>>
      aliases_ ABSL_GUARDED_BY(commit_mutex_);  // by dataset
  std::map<std::string, std::function<void(RowMoves)>, std::less<>> watchers_
      ABSL_GUARDED_BY(commit_mutex_);  // by dataset
  // After a failed write of metadata the batch may be in the log all the same
  // and come back at the next open.
  struct Doubt {
    std::vector<SegmentRecord> added;  // by seals; the next commit undoes them
    bool frozen = false;  // a merge or drop: which segments there are is open
  };
  std::map<std::string, Doubt, std::less<>> doubts_
      ABSL_GUARDED_BY(commit_mutex_);  // by dataset
  DatasetSegments datasets_;
  Mutex orphans_mutex_;
  // Files that no record names, as found at the start.
  std::vector<std::string> orphans_ ABSL_GUARDED_BY(orphans_mutex_);
};

}  // namespace freshet
