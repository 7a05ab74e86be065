// What operators ask of a running stream, step by step: pause and resume, dead
// letters taken again or removed, and where it reads on.
#pragma once

#include <string>
#include <string_view>

#include "ingest/ingestion.h"
#include "segments/metadata_store.h"
#include "server/api/ingestion_service.h"
#include "server/model/model.h"

namespace freshet {

// pause or resume; waits, a second at most, until the stream's thread has seen
// it. kNotFound: another verb.
Status steer_stream(Ingestion& ingestion, std::string_view verb);

// Whether the dataset's stream is paused, which outlasts the stream and the
// server: durable when it returns.
Status keep_pause(MetadataStore& store, const std::string& dataset,
                  bool paused);
Result<bool> is_paused(const MetadataStore& store, const std::string& dataset);
// Of datasets that the model has no more.
Status forget_pauses(MetadataStore& store, const Model& model);

// Page by page, in the order of their places. Those that are in memory still
// are written before, which is waited for 20 s at most (kUnavailable). Not two
// calls at a time for one dataset, nor this and remove_letters().
Result<LetterReplayReport> replay_letters(Ingestion& ingestion,
                                          const MetadataStore& store,
                                          const std::string& dataset,
                                          const LetterSelection& selection);
Result<uint64_t> remove_letters(Ingestion& ingestion, MetadataStore& store,
                                const std::string& dataset,
                                const LetterSelection& selection);

// What becomes of rows of the dataset that are read again, for people.
std::string repeats_text(const DatasetModel& dataset);

// Where the stored offsets stand.
Result<std::map<PartitionName, int64_t>> stored_positions(
    const MetadataStore& store, const std::string& dataset);

}  // namespace freshet
