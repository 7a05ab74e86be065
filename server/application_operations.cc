#include "server/application_operations.h"

#include <absl/time/clock.h>
#include <fmt/format.h>

#include <utility>

#include "segments/time.h"

namespace freshet {
namespace {

constexpr size_t kPageLetters = 10'000;
constexpr size_t kPageBytes = 16 << 20;
constexpr size_t kListedErrors = 100;
constexpr std::string_view kPauses = "paused/";  // and the dataset's name
constexpr auto kMaxSealWait = absl::Seconds(20);

std::string pause_key(const std::string& dataset) {
  return std::string(kPauses) + dataset;
}

// Until the stream's thread has seen that it shall pause or go on, so that the
// answer tells it; a second at most.
void wait_for(const Ingestion& ingestion, bool paused) {
  for (int i = 0; i < 100; ++i) {
    if ((ingestion.progress().state == IngestionState::kPaused) == paused) {
      return;
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

// Dead letters that are in memory have no place from which they could be taken.
Status write_pending(Ingestion& ingestion, const char* verb) {
  uint64_t pending = ingestion.pending_letters(0).count;
  if (pending == 0) return {};
  Status sealed = ingestion.seal(steady_now() + kMaxSealWait);
  if (sealed) return {};
  return Error{sealed.error().code,
               fmt::format("nothing was {}: {} dead letters have to be written "
                           "by a seal first: {}",
                           verb, pending, sealed.error().message)};
}

// Calls `use` with the selected letters, a page at a time.
template <class Use>
Status each_page(const MetadataStore& store, const std::string& dataset,
                 const LetterSelection& selection, const Use& use) {
  if (!selection.letters.empty()) return use(selection.letters);
  std::string after;
  do {
    std::vector<LetterReplay> page;
    size_t bytes = 0;
    while (page.size() < kPageLetters && bytes < kPageBytes) {
      TRY_ASSIGN(DeadLetterPage some, list_dead_letters(store, dataset, after,
                                                        500, selection.reason));
      for (const DeadLetter& letter : some.letters) {
        page.push_back({letter.id()});
        bytes += letter.bytes.size();
      }
      after = some.next;
      if (after.empty()) break;
    }
    if (!page.empty()) TRY(use(page));
  } while (!after.empty());
  return {};
}

}  // namespace

Status steer_stream(Ingestion& ingestion, std::string_view verb) {
  if (verb == "pause") {
    ingestion.pause();
    wait_for(ingestion, true);
  } else if (verb == "resume") {
    ingestion.resume();
    wait_for(ingestion, false);
  } else {
    return Error{ErrorCode::kNotFound,
                 fmt::format("unknown verb '{}'; known are pause, resume, "
                             "restart, seal, reset",
                             verb)};
  }
  return {};
}

Status keep_pause(MetadataStore& store, const std::string& dataset,
                  bool paused) {
  return paused ? store.put(pause_key(dataset), to_iso8601(now()))
                : store.remove(pause_key(dataset));
}

Result<bool> is_paused(const MetadataStore& store, const std::string& dataset) {
  TRY_ASSIGN(auto since, store.get(pause_key(dataset)));
  return since.has_value();
}

Status forget_pauses(MetadataStore& store, const Model& model) {
  std::vector<std::string> gone;
  TRY(store.scan(kPauses, "", [&](std::string_view key, std::string_view) {
    if (model.dataset(key.substr(kPauses.size())) == nullptr) {
      gone.emplace_back(key);
    }
    return true;
  }));
  return gone.empty() ? Status() : store.change({}, gone);
}

Result<LetterReplayReport> replay_letters(Ingestion& ingestion,
                                          const MetadataStore& store,
                                          const std::string& dataset,
                                          const LetterSelection& selection) {
  TRY(write_pending(ingestion, "replayed"));
  LetterReplayReport report;
  auto replay = [&](const std::vector<LetterReplay>& letters) -> Status {
    TRY_ASSIGN(ReplayOutcome outcome, ingestion.replay(letters));
    report.replayed += outcome.replayed;
    report.rejected += outcome.refused.size();
    for (auto& refusal : outcome.refused) {
      if (report.errors.size() == kListedErrors) break;
      report.errors.push_back(std::move(refusal));
    }
    return {};
  };
  TRY(each_page(store, dataset, selection, replay));
  return report;
}

Result<uint64_t> remove_letters(Ingestion& ingestion, MetadataStore& store,
                                const std::string& dataset,
                                const LetterSelection& selection) {
  TRY(write_pending(ingestion, "removed"));
  uint64_t removed = 0;
  auto remove = [&](const std::vector<LetterReplay>& letters) -> Status {
    std::vector<std::string> keys;
    for (const LetterReplay& letter : letters) {
      TRY_ASSIGN(std::string key, dead_letter_key(dataset, letter.id));
      TRY_ASSIGN(auto there, store.get(key));
      if (there) keys.push_back(std::move(key));
    }
    TRY(store.change({}, keys));
    removed += keys.size();
    return {};
  };
  Status done = each_page(store, dataset, selection, remove);
  ingestion.letters_removed();
  TRY(done);
  return removed;
}

std::string repeats_text(const DatasetModel& dataset) {
  if (dataset.key.columns.empty()) {
    return "rows that are read again count twice: the dataset has no key";
  }
  if (!dataset.key.replace) {
    return "rows that are read again are dropped, by the dataset's key";
  }
  if (!dataset.key.order_by.empty()) {
    return "rows that are read again replace those of their key, unless these "
           "are newer by " +
           dataset.key.order_by;
  }
  return "rows that are read again replace those of their key: until the "
         "stream has caught up, older versions show";
}

Result<std::map<PartitionName, int64_t>> stored_positions(
    const MetadataStore& store, const std::string& dataset) {
  std::map<PartitionName, int64_t> next;
  TRY_ASSIGN(auto offsets, store.offsets(dataset));
  for (const auto& [partition, record] : offsets) next[partition] = record.next;
  return next;
}

}  // namespace freshet
