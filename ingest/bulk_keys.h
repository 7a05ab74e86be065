// What a dataset's key means for rows that are loaded in bulk: of rows with one
// key queries never see two.
//
// on_duplicate: ignore is judged while a file is read: keys that are in
// segments are known first, then those of the load, in the order of files and
// records. on_duplicate: replace is judged behind the load: a file is committed
// with a note (`unjudged/DATASET` in the metadata store) that lasts until rows
// that others replace are hidden; who finds one, after a crash, does that
// before anybody may ask.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ingest/ingestion.h"
#include "ingest/seen_keys.h"

namespace freshet {

// The keys in segments; null unless the dataset ignores duplicates. kCancelled
// as soon as `stopped` says so (null: never).
Result<std::shared_ptr<SeenKeys>> seen_before_load(
    const IngestionSettings& settings, SegmentStore& store,
    const std::function<bool()>& stopped = nullptr);

// The note's key; empty unless the dataset replaces duplicates.
std::string unjudged_note(const IngestionSettings& settings);

// Hides rows that others replace, if there is a note. Nobody else may write to
// the dataset meanwhile.
Status judge_loaded(const IngestionSettings& settings, SegmentStore& store);

}  // namespace freshet
