// StreamIngestion: Ingestion by one thread that reads a source, and a Sealer.
// Its steps lie in ingestion.cc (life, control), ingestion_thread.cc and
// ingestion_progress.cc; only these include it.
#pragma once

#include <chrono>
#include <deque>
#include <future>
#include <thread>

#include "ingest/ingestion.h"
#include "ingest/intake.h"
#include "ingest/positions.h"
#include "ingest/sealer.h"
#include "segments/mutex.h"

namespace freshet {

class LetterBatch;

class StreamIngestion final : public Ingestion {
 public:
  StreamIngestion(IngestionSettings settings, std::unique_ptr<Source> source,
                  SegmentStore& store);
  ~StreamIngestion() override;
  Status load();
  void fail(const Error& error);
  void run_thread() {
    MutexLock lock(join_mutex_);
    thread_ = std::thread([this] { run(); });
  }

  IngestionProgress progress() const override;
  void pause() override { set_paused(true); }
  void resume() override { set_paused(false); }
  using Ingestion::seal;
  Status seal(absl::Time deadline) override;
  Result<ReplayOutcome> replay(
      const std::vector<LetterReplay>& letters) override;
  PendingLetters pending_letters(size_t most) const override;
  std::vector<IngestionError> last_errors() const override {
    return last_errors_.newest();
  }
  void letters_removed() override {
    if (sealer_ != nullptr) sealer_->recount();
  }
  std::shared_ptr<const RestatedTimes> restated() const override {
    return restated_;
  }
  Status stop() override;
  void on_change(std::function<void()> callback) override;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Mode { kRun, kStop, kAbandon };
  using Callback = std::shared_ptr<const std::function<void()>>;

  // One call of replay() on its way through the ingestion thread, which may
  // still be at it when the caller has gone. `letters` is constant, begun and
  // done are guarded by mutex_, the rest is the thread's own until it is done.
  struct ReplayCall {
    std::vector<LetterReplay> letters{};
    ReplayOutcome outcome;
    Status status;
    uint64_t generation = 0;  // that has the rows; 0: none
    bool begun = false;
    bool done = false;
  };

  void run();
  void load_keys();
  void fail_keys();
  void round();
  void connect();
  bool list(bool beside);
  void list_paused();
  bool listing_is_there() const;
  void look_again();
  void note_moved();
  void read();
  std::string trouble() const;
  Status take(const MessageBatch& batch);
  bool wait_until_readable(std::span<const RawMessage> part);
  bool seal_due() const;
  void seal_open();
  void serve_seal_requests();
  void serve_replays();
  void take_letters(ReplayCall& call);
  Result<std::optional<DeadLetter>> letter_to_take(const LetterReplay& wanted,
                                                   ReplayOutcome& outcome);
  void forget_untaken();
  Status take_batch(LetterBatch& batch, ReplayOutcome& outcome);
  bool is_read(const PartitionName& partition);
  Timestamp least_watermark();
  Status cannot_serve() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void serve_sealed();
  void changed();
  void end_thread(Mode mode);

  Mode mode() const;
  bool paused() const;
  void set_paused(bool paused);
  void nap(Clock::duration time);
  void set_state(IngestionState state, std::string error = {});
  void update_progress(bool always);
  void show_pending_letters();
  void fill_partitions(IngestionProgress& progress);
  static void look_at_end(const SourceStatus& source,
                          IngestionProgress& progress);
  void fill_rates(IngestionProgress& progress);

  const IngestionSettings settings_;
  SegmentStore& store_;

  // Ingestion thread only, once it runs (but what Source lets any thread ask).
  const std::unique_ptr<Source> source_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Positions> positions_;
  // Of letters whose rows are in the open generation.
  std::vector<std::string> replayed_;
  // Keys of letters that are on their way, with their generation.
  std::map<std::string, uint64_t> replaying_;
  bool assigned_ = false;
  std::future<SourceListing> listing_;  // its thread uses source_
  std::string listing_error_;  // of the last partitions(); empty: it went well
  // An error: the open generation may hold rows whose offsets it does not
  // pass. Nothing is read or sealed any more.
  Status keys_status_;
  std::string absent_;  // what the source should have, and has not or refuses
  Clock::time_point next_refresh_;
  Clock::time_point next_progress_;
  Clock::time_point open_since_;  // of the open generation, if has_open_
  bool has_open_ = false;
  uint64_t pending_generation_ = 0;  // that pending_ is of
  uint64_t seen_changes_ = 0;
  uint64_t rows_ = 0;
  uint64_t bytes_ = 0;
  bool caught_up_ = false;
  Timestamp as_of_ = kMinTimestamp;
  Timestamp claimed_ = kMinTimestamp;  // greatest as_of of complete answers
  struct RateSample {
    Clock::time_point time;
    uint64_t rows = 0, bytes = 0, rejected = 0;
  };
  std::deque<RateSample> rate_samples_;
  MessageBatch batch_;

  std::unique_ptr<Sealer> sealer_;  // thread-safe; made by load()
  const std::shared_ptr<RestatedTimes> restated_ =
      std::make_shared<RestatedTimes>();  // thread-safe
  LastErrors last_errors_;                // thread-safe

  mutable Mutex mutex_;
  // Of the open generation: the first kShownLetters, and how many there are.
  PendingLetters pending_ ABSL_GUARDED_BY(mutex_);
  CondVar wake_;    // for the ingestion thread
  CondVar served_;  // for seal()
  Mode mode_ ABSL_GUARDED_BY(mutex_) = Mode::kRun;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::shared_ptr<ReplayCall>> replays_ ABSL_GUARDED_BY(mutex_);
  uint64_t seal_requested_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t seal_served_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t seal_number_ ABSL_GUARDED_BY(mutex_) = 0;
  Callback callback_ ABSL_GUARDED_BY(mutex_);
  IngestionProgress progress_ ABSL_GUARDED_BY(mutex_);
  Status stop_status_ ABSL_GUARDED_BY(mutex_);
  Status seal_refused_ ABSL_GUARDED_BY(mutex_);  // keys_status_, for seal()

  Mutex join_mutex_;
  std::thread thread_ ABSL_GUARDED_BY(join_mutex_);
};

}  // namespace freshet
