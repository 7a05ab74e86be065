// Bulk load: event files straight into sealed segments, without a source.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/ingestion.h"
#include "ingest/kept_counts.h"
#include "ingest/seen_keys.h"

namespace freshet {

struct LoadProgress {
  uint64_t bytes_read = 0, bytes_total = 0, rows = 0, rejected = 0;
  uint64_t repeated = 0;  // rows left out, as their key came before
  std::map<std::string, uint64_t> reasons{};  // of the rejected
  // "line 26 of day.json: ...": where the first one begins, and why; of XML
  // "record 26", its number.
  std::string first_rejected{};
  // Paths: files whose rows are in now, and those whose rows were before.
  std::vector<std::string> loaded{}, skipped{};
  // Oddities of files that were taken: "x.csv has no column ...".
  std::vector<std::string> notes{};

  // "24 not_json, 1 time; the first, line 26 of ...", or empty.
  std::string rejections() const;
};

// Reads JSON lines (or CSV with a header line, by the file's name ending in
// .csv; .gz and .zst are unpacked) into granules and seals them. A file is
// committed whole together with its name and content hash; the same file is
// skipped when it comes again. Rows with a key are judged, see bulk_keys.
// Rejected lines go to the dead letters; but a
// file all of whose records are rejected, or whose header line names no column,
// is most likely the wrong one, or meets the wrong definition: it is refused
// with the reasons (kInvalid) and leaves nothing. Ends at the first file that
// cannot be loaded; those before it stay loaded. `report` is called about ten
// times a second, and in the end, whatever that is.
Status bulk_load(const IngestionSettings& settings, SegmentStore& store,
                 const std::vector<std::string>& files,
                 const std::function<void(const LoadProgress&)>& report);

// A file that appeared where a dataset's files are watched for.
struct WatchedFile {
  std::string path;  // where its bytes lie
  std::string name;  // by which it is known
  // Written to the metadata store in the step that makes the rows durable.
  std::vector<std::pair<std::string, std::string>> puts;
  // Asked now and then, and before the rows become durable: an error ends the
  // load, and nothing of the file is there.
  std::function<Status()> stopped;
  std::function<Status()> unchanged;
};

// Loads one file into a store that is being served: its rows appear whole, in
// the step that makes durable its name and content hash, `counts` with what it
// adds, and its puts. kConflict if a file of that name and content is loaded
// already. Returns the new counts; progress has rows and rejections. `seen`, or
// null, as seen_before_load() gives it; after an error it has keys of rows that
// are not there.
Result<KeptCounts> load_file(const IngestionSettings& settings,
                             SegmentStore& store, const WatchedFile& file,
                             KeptCounts counts, std::shared_ptr<SeenKeys> seen,
                             LoadProgress& progress);

// The same from events that are made in memory, one JSON object at a time:
// `next` replaces its argument, and returns false at the end. `name` stands
// for the file's name and hash.
Status bulk_load_events(const IngestionSettings& settings, SegmentStore& store,
                        const std::string& name,
                        const std::function<bool(std::string&)>& next,
                        const std::function<void(const LoadProgress&)>& report);

}  // namespace freshet
