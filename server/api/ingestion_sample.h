// What validate and infer are asked: a definition and sample events, given or
// read from the definition's source.
#pragma once

#include <string>
#include <vector>

#include "ingest/message_sample.h"
#include "segments/result.h"
#include "server/api/services.h"

namespace freshet {

struct SampleQuestion {
  std::string definition;  // empty: the one in force
  std::vector<std::string> events;
  size_t sample = 100;
};

// kInvalid names the key at fault.
Result<SampleQuestion> read_sample_question(const HttpRequest& request);

// The events that were given, or the newest of the dataset's source. Errors as
// IngestionService::sample.
Result<MessageSample> take_sample(const Services& services,
                                  const DatasetModel& dataset,
                                  const SampleQuestion& question);
MessageSample given_events(const SampleQuestion& question);

}  // namespace freshet
