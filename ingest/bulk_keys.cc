#include "ingest/bulk_keys.h"

#include "ingest/kept_counts.h"
#include "ingest/newest_rows.h"

namespace freshet {
Result<std::shared_ptr<SeenKeys>> seen_before_load(
    const IngestionSettings& settings, SegmentStore& store,
    const std::function<bool()>& stopped) {
  std::shared_ptr<SeenKeys> seen;
  if (!settings.key.ignores()) return seen;
  IngestionSettings of_any_age = settings;  // history is not late
  of_any_age.late_ms = -1;
  seen = std::make_shared<SeenKeys>(of_any_age, store);
  TRY(seen->load(kMinTimestamp, stopped));
  return seen;
}

std::string unjudged_note(const IngestionSettings& settings) {
  return settings.key.replaces() ? "unjudged/" + settings.dataset
                                 : std::string();
}

Status judge_loaded(const IngestionSettings& settings, SegmentStore& store) {
  const std::string note = unjudged_note(settings);
  if (note.empty()) return {};
  TRY_ASSIGN(auto noted, store.metadata().get(note));
  if (!noted) return {};
  TRY_ASSIGN(KeptCounts counts,
             KeptCounts::load(store.metadata(), settings.dataset));
  NewestRows rows(settings, store);
  Status judged = rows.load(counts.least_watermark(), nullptr);
  rows.close();
  TRY(judged);
  return store.metadata().remove(note);
}

}  // namespace freshet
