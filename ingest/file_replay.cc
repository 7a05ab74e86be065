#include "ingest/file_replay.h"

#include <set>

#include "ingest/intake.h"
#include "ingest/letter_batch.h"

namespace freshet {
namespace {

IngestionSettings of_any_age(IngestionSettings settings) {
  settings.late_ms = -1;  // history is not late
  return settings;
}

class Replay {
 public:
  Replay(const IngestionSettings& settings, SegmentStore& store,
         KeptCounts counts, std::shared_ptr<SeenKeys> seen)
      : settings_(of_any_age(settings)),
        store_(store),
        intake_(settings_, nullptr, std::move(counts), nullptr) {
    intake_.use_keys(std::move(seen));
  }

  Result<FileReplay> run(const std::vector<LetterReplay>& letters);

 private:
  Status take(const LetterReplay& wanted);
  Status take_batch();
  Status commit();

  const IngestionSettings settings_;
  SegmentStore& store_;
  Intake intake_;
  LetterBatch batch_;
  std::set<std::string> taken_;    // ids
  std::vector<std::string> gone_;  // keys of letters that became rows
  FileReplay replay_;
};

Result<FileReplay> Replay::run(const std::vector<LetterReplay>& letters) {
  for (const LetterReplay& wanted : letters) TRY(take(wanted));
  TRY(take_batch());
  TRY(commit());
  replay_.counts = intake_.counts();
  return std::move(replay_);
}

Status Replay::take(const LetterReplay& wanted) {
  auto refuse = [&](std::string why) {
    replay_.outcome.refused.push_back({wanted.id, "gone", std::move(why)});
  };
  auto key = dead_letter_key(settings_.dataset, wanted.id);
  if (!key) {
    refuse(key.error().message);
    return {};
  }
  if (!taken_.insert(wanted.id).second) {
    refuse("the dead letter is being replayed already");
    return {};
  }
  TRY_ASSIGN(auto letter, wanted_letter(store_.metadata(), settings_.dataset,
                                        wanted, replay_.outcome));
  if (!letter) return {};
  if (batch_.full() || !batch_.fits(*letter)) TRY(take_batch());
  batch_.add(std::move(*letter));
  return {};
}

Status Replay::take_batch() {
  if (batch_.empty()) return {};
  batch_.make_messages();
  TRY_ASSIGN(auto decoder, batch_.record_decoder(settings_.decoder));
  if (!decoder) {  // from before the dataset had files
    TRY_ASSIGN(decoder, make_decoder(settings_.decoder));
  }
  TRY(intake_.prepare(batch_.messages(), decoder.get()));
  std::vector<Rejection> refused;
  TRY_ASSIGN(uint64_t rows,
             intake_.replay(batch_.messages(), batch_.partitions(),
                            kMinTimestamp, refused, decoder.get()));
  replay_.rows += rows;
  std::set<size_t> stay;
  for (Rejection& rejection : refused) {
    stay.insert(rejection.message);
    replay_.outcome.refused.push_back({batch_.letters()[rejection.message].id(),
                                       rejection.reason,
                                       std::move(rejection.text)});
  }
  for (size_t i = 0; i < batch_.letters().size(); ++i) {
    if (stay.contains(i)) continue;
    TRY_ASSIGN(std::string key,
               dead_letter_key(settings_.dataset, batch_.letters()[i].id()));
    gone_.push_back(std::move(key));
  }
  batch_ = {};
  return {};
}

Status Replay::commit() {
  replay_.outcome.replayed = gone_.size();
  if (gone_.empty()) return {};
  intake_.counts().replayed += gone_.size();
  Seal seal;
  seal.dataset = settings_.dataset;
  seal.options = settings_.seal;
  seal.live = intake_.sinks().take();
  seal.removed_keys = std::move(gone_);
  seal.puts.push_back(intake_.counts().encode(settings_.dataset));
  TRY(store_.seal(seal));
  return {};
}

}  // namespace

Result<FileReplay> replay_file_letters(const IngestionSettings& settings,
                                       SegmentStore& store,
                                       const std::vector<LetterReplay>& letters,
                                       KeptCounts counts,
                                       std::shared_ptr<SeenKeys> seen) {
  Replay replay(settings, store, std::move(counts), std::move(seen));
  return replay.run(letters);
}

}  // namespace freshet
