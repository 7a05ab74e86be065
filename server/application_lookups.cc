#include "server/application_lookups.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <map>
#include <utility>

#include "segments/metadata_store.h"
#include "segments/mutex.h"
#include "server/application_lookup.h"

namespace freshet {
namespace {

class RunningLookups final : public Lookups {
 public:
  RunningLookups(std::string folder, std::unique_ptr<MetadataStore> store,
                 bool follows, std::function<void()> changed)
      : folder_(std::move(folder)),
        store_(std::move(store)),
        follows_(follows),
        changed_(std::move(changed)) {}
  ~RunningLookups() override { stop(); }

  Status apply(std::shared_ptr<const Model> model) override;
  void stop() override;
  Status checkpoint(const std::string& folder) override {
    return store_->checkpoint(folder);
  }

  std::vector<std::string> names() const override;
  std::shared_ptr<const LookupTable> snapshot(
      std::string_view name) const override {
    auto lookup = find(name);
    return lookup ? lookup->table() : nullptr;
  }
  Status ready(std::string_view name) const override {
    auto lookup = find(name);
    return lookup ? lookup->ready() : Status(unknown(name));
  }

  std::optional<LookupStatus> status(std::string_view name) const override {
    auto lookup = find(name);
    if (!lookup) return std::nullopt;
    return lookup->status();
  }
  Result<LookupWrite> write(std::string_view name, bool replaces,
                            std::string_view content_type,
                            std::string_view body) override {
    auto lookup = find(name);
    if (!lookup) return unknown(name);
    return lookup->write(replaces, content_type, body);
  }
  Result<LookupWrite> write_row(std::string_view name, std::string_view key,
                                std::string_view body) override {
    auto lookup = find(name);
    if (!lookup) return unknown(name);
    return lookup->write_row(key, body);
  }
  Status remove_row(std::string_view name, std::string_view key) override {
    auto lookup = find(name);
    if (!lookup) return unknown(name);
    return lookup->remove_row(key);
  }

 private:
  static Error unknown(std::string_view name) {
    return {ErrorCode::kNotFound, fmt::format("there is no lookup '{}'", name)};
  }
  std::shared_ptr<KeptLookup> find(std::string_view name) const {
    MutexLock lock(mutex_);
    auto at = lookups_.find(name);
    return at == lookups_.end() ? nullptr : at->second;
  }
  KeptLookup::Surroundings around(const std::string& name) {
    return {*store_, folder_ + "/fetched/lookup-" + name, versions_, changed_};
  }
  Status begin(std::shared_ptr<const Model> model, const LookupModel& lookup);

  const std::string folder_;  // of the data
  const std::unique_ptr<MetadataStore> store_;
  const bool follows_;
  const std::function<void()> changed_;
  std::atomic<uint64_t> versions_{0};
  Mutex apply_mutex_;  // one apply at a time
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<KeptLookup>, std::less<>> lookups_
      ABSL_GUARDED_BY(mutex_);
};

Status RunningLookups::begin(std::shared_ptr<const Model> model,
                             const LookupModel& lookup) {
  TRY_ASSIGN(auto opened,
             KeptLookup::open(std::move(model), lookup, around(lookup.name)));
  std::shared_ptr<KeptLookup> kept = std::move(opened);
  if (follows_) TRY(kept->start());
  MutexLock lock(mutex_);
  lookups_[lookup.name] = std::move(kept);
  return {};
}

// As it runs. One that an apply() stopped and could not replace does not.
bool serves(const KeptLookup& kept, const LookupModel& lookup) {
  return !kept.stopped() &&
         KeptLookup::definition(lookup) == KeptLookup::definition(kept.model());
}

Status RunningLookups::apply(std::shared_ptr<const Model> model) {
  MutexLock applying(apply_mutex_);
  std::map<std::string, std::shared_ptr<KeptLookup>, std::less<>> old;
  {
    MutexLock lock(mutex_);
    old = lookups_;
  }
  for (const auto& [name, kept] : old) {
    const LookupModel* lookup = model->lookup(name);
    if (lookup && serves(*kept, *lookup)) continue;
    spdlog::info("lookup {}: {}", name,
                 lookup ? "definition changed, restarting" : "removed");
    kept->stop();
    // Until the new one is there queries read what the old one held.
    if (lookup) continue;
    MutexLock lock(mutex_);
    lookups_.erase(name);
  }
  for (const LookupModel& lookup : model->lookups) {
    auto kept = old.find(lookup.name);
    if (kept != old.end() && serves(*kept->second, lookup)) continue;
    TRY(begin(model, lookup));
  }
  return {};
}

void RunningLookups::stop() {
  std::map<std::string, std::shared_ptr<KeptLookup>, std::less<>> lookups;
  {
    MutexLock lock(mutex_);
    lookups = lookups_;
  }
  for (const auto& [name, lookup] : lookups) lookup->stop();
}

std::vector<std::string> RunningLookups::names() const {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, lookup] : lookups_) names.push_back(name);
  return names;
}

Result<std::unique_ptr<RunningLookups>> open_in(const std::string& data,
                                                bool follows,
                                                std::function<void()> changed) {
  TRY_ASSIGN(auto store, MetadataStore::open(data + "/lookups"));
  return std::make_unique<RunningLookups>(data, std::move(store), follows,
                                          std::move(changed));
}

}  // namespace

void add_lookup_reasons(const Lookups& lookups,
                        std::vector<std::string>& reasons) {
  for (const std::string& name : lookups.names()) {
    auto status = lookups.status(name);
    if (!status) continue;
    if (!status->error.empty()) {
      reasons.push_back(fmt::format("lookup {}: {}", name, status->error));
    } else if (!lookups.ready(name)) {
      reasons.push_back(fmt::format("lookup {}: not read yet", name));
    }
  }
}

void set_lookup_metrics(Metrics& metrics, const Lookups& lookups) {
  for (const std::string& name : lookups.names()) {
    auto status = lookups.status(name);
    if (!status) continue;
    auto gauge = [&](const char* metric, const char* help, double value) {
      metrics.set_gauge(metric, help, "lookup", name, value);
    };
    gauge("freshet_lookup_rows", "Keys of a lookup",
          static_cast<double>(status->rows));
    gauge("freshet_lookup_bytes", "Memory of a lookup",
          static_cast<double>(status->memory_bytes));
    gauge("freshet_lookup_changed_timestamp_seconds",
          "When the rows of a lookup last changed",
          static_cast<double>(status->changed.ms) / 1000);
    gauge("freshet_lookup_up", "1 while a lookup is as its source is",
          status->complete && status->error.empty() ? 1 : 0);
    if (status->lag >= 0) {
      gauge("freshet_lookup_lag_records", "Records not yet in a lookup",
            static_cast<double>(status->lag));
    }
    metrics.set_counter("freshet_lookup_rejected_messages_total",
                        "Messages that are no rows of a lookup", "lookup", name,
                        static_cast<double>(status->rejected));
  }
}

Result<std::unique_ptr<Lookups>> Lookups::open(const std::string& data,
                                               std::function<void()> changed) {
  TRY_ASSIGN(auto lookups, open_in(data, true, std::move(changed)));
  return std::unique_ptr<Lookups>(std::move(lookups));
}

Result<std::unique_ptr<Lookups>> Lookups::open_kept(
    const std::string& data, std::shared_ptr<const Model> model) {
  TRY_ASSIGN(auto lookups, open_in(data, false, nullptr));
  TRY(lookups->apply(std::move(model)));
  return std::unique_ptr<Lookups>(std::move(lookups));
}

}  // namespace freshet
