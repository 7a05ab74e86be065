#include "server/kpi/push_hub.h"

#include <absl/time/clock.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <list>
#include <map>
#include <thread>
#include <vector>

#include "segments/mutex.h"
#include "segments/time.h"
#include "server/json/error_text.h"
#include "server/kpi/tile_picture.h"

namespace freshet {
namespace {

// Computations of one view are at least this far apart.
constexpr absl::Duration kLeastInterval = absl::Milliseconds(250);
constexpr absl::Duration kFreshnessInterval = absl::Seconds(1);
// A view nobody looks at is kept so long, for a browser that comes back.
constexpr absl::Duration kKeepUnwatched = absl::Seconds(30);
constexpr absl::Duration kTick = absl::Seconds(1);
// Viewers hear of us at least so often: who hears nothing for longer may take
// it that nothing reaches them.
constexpr int64_t kBeatMs = 15'000;
// A view that takes longer, or that nobody has seen yet, is computed beside the
// hub's thread, so that no other waits for it; so many at a time.
constexpr absl::Duration kSlow = absl::Milliseconds(50);
constexpr int kMostBeside = 4;

// One subscription. `send` runs under its mutex, so that it is over when the
// subscription's destructor returns.
struct Viewer {
  explicit Viewer(std::function<bool(const PushEvent&)> function)
      : send(std::move(function)) {}
  Mutex mutex;
  bool gone ABSL_GUARDED_BY(mutex) = false;
  std::function<bool(const PushEvent&)> send ABSL_GUARDED_BY(mutex);
  // Hub's thread only, once it is in a group.
  bool needs_snapshot = true;
  std::string resume_id;

  bool is_gone() {
    MutexLock lock(mutex);
    return gone;
  }
  // False if it could not take the event.
  bool offer(const PushEvent& event) {
    MutexLock lock(mutex);
    return gone || send(event);
  }
};

class ViewerSubscription : public PushHub::Subscription {
 public:
  explicit ViewerSubscription(std::shared_ptr<Viewer> viewer)
      : viewer_(std::move(viewer)) {}
  ~ViewerSubscription() override {
    MutexLock lock(viewer_->mutex);
    viewer_->gone = true;
    viewer_->send = nullptr;
  }

 private:
  std::shared_ptr<Viewer> viewer_;
};

// All viewers of one dashboard in one view. Hub's thread only.
struct Group {
  std::string dashboard;
  DashboardView view;
  std::vector<std::shared_ptr<Viewer>> viewers;
  bool computed = false;
  TilePicture picture;
  std::string error;  // JSON, if the picture cannot be computed
  std::string id;     // of the last event
  uint64_t data_version = 0;
  int64_t minute = 0;   // of the clock at the last computation
  int64_t sent_ms = 0;  // by the clock, the last event to all viewers
  absl::Time begun = absl::InfinitePast();  // the last computation
  absl::Time last_computed = absl::InfinitePast();
  absl::Time last_freshness = absl::InfinitePast();
  absl::Time watched = absl::InfinitePast();
  absl::Duration cost;
  std::future<void> beside;  // valid while a computation is on its way
};

std::string key_of(const std::string& dashboard, const DashboardView& view) {
  std::string key = dashboard;
  for (const std::string* part :
       {&view.range, &view.from, &view.to, &view.compare, &view.tz,
        &view.filter, &view.grain}) {
    key += '\0';
    key += *part;
  }
  return key;
}

class DashboardHub : public PushHub {
 public:
  DashboardHub(Kpis& kpis, std::function<std::shared_ptr<const Model>()> model,
               std::function<Timestamp()> clock)
      : kpis_(kpis),
        model_(std::move(model)),
        clock_(std::move(clock)),
        epoch_(std::to_string(now().ms)),
        thread_([this] { run(); }) {}

  ~DashboardHub() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      wake_.signal();
    }
    thread_.join();
  }

  Result<std::unique_ptr<Subscription>> subscribe(
      const std::string& dashboard, const DashboardView& view,
      const std::string& last_event_id,
      std::function<bool(const PushEvent&)> send) override {
    std::shared_ptr<const Model> model = model_();
    if (!model->dashboard(dashboard)) {
      return no_such_dashboard(*model, dashboard);
    }
    auto viewer = std::make_shared<Viewer>(std::move(send));
    viewer->resume_id = last_event_id;
    MutexLock lock(mutex_);
    arrivals_.push_back({dashboard, view, viewer});
    wake_.signal();
    return std::unique_ptr<Subscription>(
        std::make_unique<ViewerSubscription>(std::move(viewer)));
  }

  void notify() override {
    MutexLock lock(mutex_);
    ++data_version_;
    news_ = true;
    if (idle_) wake_.signal();
  }

 private:
  struct Arrival {
    std::string dashboard;
    DashboardView view;
    std::shared_ptr<Viewer> viewer;
  };
  struct Finished {
    Group* group;
    Result<TilePicture> picture;
  };

  void run() {
    absl::Duration wait = kTick;
    while (true) {
      std::vector<Arrival> arrivals;
      std::vector<Finished> finished;
      uint64_t version = 0;
      {
        MutexLock lock(mutex_);
        absl::Time until = steady_now() + wait;
        // With nothing due before the tick, a notification may wake us.
        idle_ = wait >= kTick;
        while (!stopping_ && arrivals_.empty() && finished_.empty() &&
               !(idle_ && news_) && steady_now() < until) {
          wake_.wait_for(mutex_, until - steady_now());
        }
        idle_ = news_ = false;
        if (stopping_) return;
        arrivals.swap(arrivals_);
        finished.swap(finished_);
        version = data_version_;
      }
      for (Arrival& arrival : arrivals) admit(std::move(arrival));
      for (Finished& one : finished) {
        --beside_;
        one.group->beside.get();
        show(*one.group, std::move(one.picture));
      }
      wait = serve(version);
    }
  }

  void admit(Arrival arrival) {
    Group& group = groups_[key_of(arrival.dashboard, arrival.view)];
    group.dashboard = std::move(arrival.dashboard);
    group.view = std::move(arrival.view);
    Viewer& viewer = *arrival.viewer;
    // It has what we sent last: only what changes from now on.
    viewer.needs_snapshot = !group.computed || viewer.resume_id != group.id;
    group.viewers.push_back(std::move(arrival.viewer));
  }

  // Brings every group up to `version` that is due; how long until the next.
  absl::Duration serve(uint64_t version) {
    absl::Duration wait = kTick;
    slow_due_.clear();
    for (auto it = groups_.begin(); it != groups_.end();) {
      Group& group = it->second;
      std::erase_if(group.viewers, [](const std::shared_ptr<Viewer>& v) {
        return v->is_gone();
      });
      absl::Time time = steady_now();
      if (!group.viewers.empty()) group.watched = time;
      if (time - group.watched > kKeepUnwatched && !group.beside.valid()) {
        it = groups_.erase(it);
        continue;
      }
      if (!group.viewers.empty()) {
        wait = std::min(wait, serve_group(group, version));
      }
      ++it;
    }
    // Where there is no room for all, those that have waited longest.
    std::ranges::sort(slow_due_, {}, &Group::last_computed);
    for (Group* group : slow_due_) {
      if (beside_ == kMostBeside) break;  // the one that ends first wakes us
      compute_beside(*group, version);
    }
    return std::max(wait, absl::Milliseconds(1));
  }

  absl::Duration serve_group(Group& group, uint64_t version) {
    int64_t minute = clock_().ms / 60'000;
    bool stale = !group.computed || group.data_version != version ||
                 group.minute != minute;
    absl::Time due =
        group.last_computed + std::max(kLeastInterval, 2 * group.cost);
    bool slow = !group.computed || group.cost > kSlow;
    stale = stale || (!slow && silent(group));
    if (group.beside.valid()) {
      stale = false;
    } else if (stale && steady_now() >= due) {
      stale = false;
      if (slow) {
        slow_due_.push_back(&group);
      } else {
        begin(group, version);
        show(group,
             compute_picture(kpis_, *model_(), group.dashboard, group.view));
      }
    }
    bool behind = send_snapshots(group);
    // A slow view is not computed anew only to say how fresh it is.
    if (group.computed && silent(group)) send_beat(group, R"({"tiles":{}})");
    if (behind) return kLeastInterval;
    return stale ? due - steady_now() : kTick;
  }

  bool silent(const Group& group) const {
    return std::abs(clock_().ms - group.sent_ms) >= kBeatMs;
  }

  void begin(Group& group, uint64_t version) {
    group.data_version = version;
    group.minute = clock_().ms / 60'000;
    group.begun = steady_now();
  }

  void compute_beside(Group& group, uint64_t version) {
    begin(group, version);
    ++beside_;
    group.beside =
        std::async(std::launch::async, [this, model = model_(),
                                        dashboard = group.dashboard,
                                        view = group.view, of = &group] {
          auto picture = compute_picture(kpis_, *model, dashboard, view);
          MutexLock lock(mutex_);
          finished_.push_back({of, std::move(picture)});
          wake_.signal();
        });
  }

  // To those who watch, whatever differs from what they have.
  void show(Group& group, Result<TilePicture> picture) {
    group.last_computed = steady_now();
    group.cost = group.last_computed - group.begun;
    if (!picture) {
      bool news = group.error.empty();
      group.error = error_json(picture.error(), "");
      if (news) send_to_all(group, "error", group.error);
      group.computed = false;
      for (auto& viewer : group.viewers) viewer->needs_snapshot = true;
      return;
    }
    group.error.clear();
    bool comparable = group.computed &&
                      group.picture.model_version == picture->model_version &&
                      group.picture.tiles.size() == picture->tiles.size();
    TilePicture before = std::move(group.picture);
    group.picture = std::move(*picture);
    group.computed = true;
    if (!comparable) {
      group.id = next_id();
      group.sent_ms = clock_().ms;
      for (auto& viewer : group.viewers) viewer->needs_snapshot = true;
      return;
    }
    bool differ = tiles_differ(group.picture, before);
    bool fresher = group.picture.freshness != before.freshness;
    bool quiet = steady_now() - group.last_freshness < kFreshnessInterval;
    if (differ || (fresher && !quiet) || silent(group)) {
      if (differ) group.id = next_id();
      group.last_freshness = steady_now();
      std::string delta = delta_json(group.picture, before, group.data_version);
      if (differ) {
        send_to_all(group, "delta", std::move(delta));
      } else {
        send_beat(group, std::move(delta));
      }
    } else {
      // What was sent last stays the base of the next comparison.
      group.picture = std::move(before);
      // Told a little later, also if nothing else happens.
      if (fresher) group.data_version = 0;
    }
  }

  // A delta of no tile. Its id is that of the event before, so that who missed
  // it comes back as one that lacks nothing; nor needs a snapshot who could not
  // take it.
  void send_beat(Group& group, std::string data) {
    group.sent_ms = clock_().ms;
    PushEvent event{group.id, "delta", std::move(data)};
    for (auto& viewer : group.viewers) {
      if (!viewer->needs_snapshot) viewer->offer(event);
    }
  }

  void send_to_all(Group& group, const char* name, std::string data) {
    group.sent_ms = clock_().ms;
    PushEvent event{group.id, name, std::move(data)};
    for (auto& viewer : group.viewers) {
      if (viewer->needs_snapshot && event.event == "delta") continue;
      if (!viewer->offer(event)) viewer->needs_snapshot = true;
    }
  }

  // True if a viewer still waits for one.
  bool send_snapshots(Group& group) {
    bool waiting = false;
    PushEvent event{group.id, "snapshot", ""};
    for (auto& viewer : group.viewers) {
      if (!viewer->needs_snapshot || !group.computed) continue;
      if (event.data.empty()) {
        event.data = snapshot_json(group.picture, group.data_version);
      }
      viewer->needs_snapshot = !viewer->offer(event);
      waiting = waiting || viewer->needs_snapshot;
    }
    return waiting;
  }

  std::string next_id() { return epoch_ + "-" + std::to_string(++last_id_); }

  Kpis& kpis_;
  const std::function<std::shared_ptr<const Model>()> model_;
  const std::function<Timestamp()> clock_;
  const std::string epoch_;  // ids of an earlier process are not ours

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool idle_ ABSL_GUARDED_BY(mutex_) = false;  // the thread waits for news
  bool news_ ABSL_GUARDED_BY(mutex_) = false;  // since it last looked
  uint64_t data_version_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<Arrival> arrivals_ ABSL_GUARDED_BY(mutex_);
  std::vector<Finished> finished_ ABSL_GUARDED_BY(mutex_);  // beside the thread

  // Hub's thread only.
  int beside_ = 0;                // views computed beside it
  std::vector<Group*> slow_due_;  // of one serve()
  std::map<std::string, Group> groups_;
  uint64_t last_id_ = 0;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace

std::unique_ptr<PushHub> PushHub::create(
    Kpis& kpis, std::function<std::shared_ptr<const Model>()> model,
    std::function<Timestamp()> clock) {
  return std::make_unique<DashboardHub>(kpis, std::move(model),
                                        std::move(clock));
}

}  // namespace freshet
