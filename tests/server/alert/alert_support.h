// Stand-ins for what alerts are built on: metadata in memory, KPIs that say
// what they are told to, and a receiver of notifications.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "segments/metadata_store.h"
#include "segments/mutex.h"
#include "server/http/http_server.h"
#include "server/kpi/drivers.h"
#include "server/kpi/kpi.h"

namespace freshet {

class MemoryMetadata : public MetadataStore {
 public:
  Status commit(const Commit&) override { return {}; }
  Result<std::vector<SegmentRecord>> segments(std::string_view) const override {
    return std::vector<SegmentRecord>{};
  }
  Result<std::vector<std::pair<std::string, OffsetRecord>>> offsets(
      std::string_view) const override {
    return std::vector<std::pair<std::string, OffsetRecord>>{};
  }
  Result<std::map<std::string, std::shared_ptr<const Bitmap>>> hidden(
      std::string_view) const override {
    return std::map<std::string, std::shared_ptr<const Bitmap>>{};
  }
  Status checkpoint(const std::string&) override { return {}; }
  Status put(std::string_view key, std::string_view value) override;
  Status remove(std::string_view key) override;
  Status change(const std::vector<std::pair<std::string, std::string>>& puts,
                const std::vector<std::string>& removed) override;
  Result<std::optional<std::string>> get(std::string_view key) const override;
  Status scan(std::string_view prefix, std::string_view start_after,
              const std::function<bool(std::string_view, std::string_view)>&
                  visit) const override;
  size_t count(std::string_view prefix) const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::string> all_ ABSL_GUARDED_BY(mutex_);
};

// One KPI, "rate", by "store".
class ScriptedKpis : public Kpis {
 public:
  void set(Timestamp as_of, std::map<std::string, double> by_store,
           uint64_t rows = 1000);
  void set_exact(Timestamp as_of, std::map<std::string, KpiNumber> by_store,
                 uint64_t rows = 1000);
  // Of one store alone.
  void set_rows(const std::string& store, uint64_t rows);
  // The source has no more; before, it stands still.
  void set_caught_up();
  Result<KpiAnswer> answer(const KpiRequest& request,
                           CancelFlag cancel) override;
  std::vector<Result<KpiAnswer>> answer_all(
      const std::vector<KpiRequest>& requests, CancelFlag cancel) override;
  Result<KpiDrivers> drivers(const DriversRequest&, CancelFlag) override {
    return Error{ErrorCode::kUnsupported, "no drivers", 0, 0};
  }
  Result<KpiFreshness> freshness(const std::string& kpi) override;
  std::vector<KpiRequest> asked() const;

 private:
  mutable Mutex mutex_;
  Timestamp as_of_ ABSL_GUARDED_BY(mutex_) = kMinTimestamp;
  bool caught_up_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, KpiNumber> by_store_ ABSL_GUARDED_BY(mutex_);
  uint64_t rows_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, uint64_t> rows_of_ ABSL_GUARDED_BY(mutex_);
  std::vector<KpiRequest> asked_ ABSL_GUARDED_BY(mutex_);
};

// POST /hook and /api/v2/alerts on a port of this machine.
class Receiver {
 public:
  Receiver();
  std::string url(const std::string& path) const;
  // The bodies so far, after waiting up to `seconds` for `count` of them.
  std::vector<std::string> bodies(size_t count, double seconds = 5);
  void answer_with(int status);

 private:
  HttpResponse take(const HttpRequest& request);
  Mutex mutex_;
  std::vector<std::string> bodies_ ABSL_GUARDED_BY(mutex_);
  int status_ ABSL_GUARDED_BY(mutex_) = 200;
  Router router_;
  std::unique_ptr<HttpServer> server_;
};

// "rate" by store, above 10, at once, to "hook".
AlertModel test_rule();
ContactModel test_contact(const std::string& url);

}  // namespace freshet
