// What handlers may ask of ingestion. The application implements it; only
// files named ingestion* of this folder include ingest/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/dead_letters.h"
#include "ingest/ingestion.h"
#include "ingest/message_sample.h"
#include "ingest/offset_reset.h"
#include "ingest/sample_report.h"
#include "segments/result.h"
#include "server/model/model.h"

namespace freshet {

// Answer of POST /ingest/{dataset}.
struct AcceptedEvents {
  uint64_t accepted = 0;
  uint64_t rejected = 0;  // stored, but they will be dead letters
  struct LineError {
    // The line of the body on which the event begins, from 1; of a JSON array
    // the number of the element.
    uint64_t line;
    std::string message;
  };
  std::vector<LineError> errors;           // the first 100
  std::map<std::string, int64_t> offsets;  // next offset by partition number
};

// Which dead letters are meant: all, those of a reason, or these.
struct LetterSelection {
  bool all = false;
  std::string reason;
  std::vector<LetterReplay> letters;
};

struct LetterReplayReport {
  uint64_t replayed = 0;
  uint64_t rejected = 0;                         // again; they stay
  std::vector<ReplayOutcome::Refusal> errors{};  // the first 100
};

struct ResetRequest {
  OffsetReset reset;
  bool dry_run = false;
};

struct ResetReport {
  std::vector<ResetStep> steps;
  std::string repeats;  // what becomes of rows that are read again
};

class IngestionService {
 public:
  virtual ~IngestionService() = default;
  // Makes the events of `body` durable in the dataset's log or topic.
  // `content_type` text/csv means CSV with a header line. kNotFound: unknown
  // dataset; kInvalid: not events at all; kLimit: try again later;
  // kUnavailable: the topic cannot be reached.
  virtual Result<AcceptedEvents> accept(std::string_view dataset,
                                        std::string_view content_type,
                                        std::string_view body,
                                        std::string_view idempotency_key) = 0;
  // The newest messages of the dataset's source, about `most`; the dataset
  // need not run. kUnavailable: the source cannot be reached;
  // kUnsupported: it has files, no messages.
  virtual Result<MessageSample> sample(const DatasetModel& dataset,
                                       size_t most) = 0;
  // What would become of them under the dataset's definition.
  virtual Result<SampleReport> report(const DatasetModel& dataset,
                                      const MessageSample& sample) = 0;
  virtual std::optional<IngestionProgress> progress(
      std::string_view dataset) const = 0;
  // verb: pause, resume, restart, seal. A stream that was paused stays so.
  virtual Status steer(std::string_view dataset, std::string_view verb) = 0;
  // Sets where the stream reads on, or with dry_run only says what that would
  // do. Errors: those of plan_reset, kUnsupported for files.
  virtual Result<ResetReport> reset(std::string_view dataset,
                                    const ResetRequest& request) = 0;
  // As Ingestion::replay; of those in memory, too, which are written first:
  // kUnavailable if that takes too long. REQUIRES: something is selected.
  virtual Result<LetterReplayReport> replay_letters(
      std::string_view dataset, const LetterSelection& selection) = 0;
  // Removes them for good; returns how many. What was rejected stays counted.
  // Of those in memory as replay_letters.
  virtual Result<uint64_t> remove_letters(std::string_view dataset,
                                          const LetterSelection& selection) = 0;
  // As Ingestion::pending_letters; none of an unknown dataset.
  virtual Ingestion::PendingLetters pending_letters(std::string_view dataset,
                                                    size_t most) const = 0;
  // As Ingestion::last_errors; none of an unknown dataset.
  virtual std::vector<IngestionError> last_errors(
      std::string_view dataset) const = 0;
};

}  // namespace freshet
