// KeptCounts: what an ingestion counts since the beginning of its dataset,
// kept in the metadata store under "counts/<dataset>" and written in the same
// commit as the rows it goes with, so that it is exact across crashes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "ingest/source.h"
#include "segments/metadata_store.h"
#include "segments/result.h"

namespace freshet {

struct KeptCounts {
  std::map<std::string, uint64_t> rejected;  // by reason
  uint64_t filtered = 0;
  uint64_t duplicates = 0;  // rows dropped because their key was there
  // Of on_duplicate: replace, see Replacements.
  uint64_t replaced = 0, deleted = 0, outdated = 0;
  uint64_t replayed = 0;  // of the rejected, taken again from dead letters
  std::map<PartitionName, int64_t> begin;  // first offset ever covered
  std::map<PartitionName, Timestamp> watermark;

  // Of all partitions; kMinTimestamp if there is none.
  Timestamp least_watermark() const;
  // The count of a line without a name, or null.
  uint64_t* named(std::string_view kind);
  static Result<KeptCounts> load(const MetadataStore& store,
                                 const std::string& dataset);
  std::pair<std::string, std::string> encode(const std::string& dataset) const;
};

}  // namespace freshet
