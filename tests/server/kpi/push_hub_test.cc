#include "server/kpi/push_hub.h"

#include <absl/time/clock.h>
#include <doctest/doctest.h>

#include <array>
#include <atomic>

#include "segments/mutex.h"
#include "server/kpi/drivers.h"
#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

// Answers with a number that the test sets.
class CountingKpis : public Kpis {
 public:
  explicit CountingKpis(std::shared_ptr<const Model> model)
      : model_(std::move(model)) {}
  Result<KpiAnswer> answer(const KpiRequest& request, CancelFlag) override {
    while (holds && request.range == "ytd") {
      absl::SleepFor(absl::Milliseconds(5));
    }
    KpiAnswer out;
    out.model = model_;
    out.kpi = model_->kpi(request.kpi);
    out.tz = "UTC";
    bool sales = request.kpi == "net_sales";
    if (sales) ++calls;
    out.value = Value(sales ? value.load() : int64_t{5});
    return out;
  }
  std::vector<Result<KpiAnswer>> answer_all(
      const std::vector<KpiRequest>& requests, CancelFlag cancel) override {
    std::vector<Result<KpiAnswer>> answers;
    for (const KpiRequest& request : requests) {
      answers.push_back(answer(request, cancel));
    }
    return answers;
  }
  Result<KpiDrivers> drivers(const DriversRequest&, CancelFlag) override {
    return Error{ErrorCode::kUnsupported, "no drivers", 0, 0};
  }
  Result<KpiFreshness> freshness(const std::string&) override {
    return KpiFreshness{};
  }
  std::atomic<int64_t> value{1};
  std::atomic<int> calls{0};
  std::atomic<bool> holds{false};  // what is asked of this year

 private:
  std::shared_ptr<const Model> model_;
};

class Mailbox {
 public:
  bool put(const PushEvent& event) {
    MutexLock lock(mutex_);
    if (full_) return false;
    events_.push_back(event);
    return true;
  }
  void set_full(bool full) {
    MutexLock lock(mutex_);
    full_ = full;
  }
  // The events, once there are `count`; or after 5 s what there is.
  std::vector<PushEvent> wait(size_t count) {
    for (int i = 0; i < 500; ++i) {
      {
        MutexLock lock(mutex_);
        if (events_.size() >= count) return events_;
      }
      absl::SleepFor(absl::Milliseconds(10));
    }
    MutexLock lock(mutex_);
    return events_;
  }

 private:
  Mutex mutex_;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<PushEvent> events_ ABSL_GUARDED_BY(mutex_);
};

TEST_CASE("the clock goes on without news, also in a range of from and to") {
  KpiFixture f;
  CountingKpis kpis(f.model());
  std::atomic<int64_t> ms = at("2026-11-22T10:00:30Z").ms;
  auto hub = PushHub::create(
      kpis, [&] { return f.model(); }, [&] { return Timestamp{ms}; });
  for (const char* from : {"", "2026-11-22"}) {
    DashboardView view;
    view.from = from;
    view.to = view.from.empty() ? "" : "2026-11-23";
    Mailbox box;
    auto viewer = hub->subscribe(
        "d", view, "", [&](const PushEvent& e) { return box.put(e); });
    REQUIRE(box.wait(1).size() == 1);
    ++kpis.value;
    ms += 60'000;
    CHECK(box.wait(2).size() == 2);
  }
}

TEST_CASE("viewers hear of the hub also while nothing happens") {
  KpiFixture f;
  CountingKpis kpis(f.model());
  std::atomic<int64_t> ms = at("2026-11-22T10:00:00Z").ms;
  auto hub = PushHub::create(
      kpis, [&] { return f.model(); }, [&] { return Timestamp{ms}; });
  Mailbox box, resumed;
  auto viewer = hub->subscribe("d", {}, "",
                               [&](const PushEvent& e) { return box.put(e); });
  auto events = box.wait(1);
  REQUIRE(events.size() == 1);
  const std::string id = events[0].id;

  int calls = kpis.calls;
  ms += 14'999;
  hub->notify();
  while (kpis.calls == calls) absl::SleepFor(absl::Milliseconds(5));
  absl::SleepFor(absl::Milliseconds(50));
  CHECK(box.wait(1).size() == 1);
  ms += 1;
  events = box.wait(2);
  REQUIRE(events.size() == 2);
  CHECK(events[1].event == "delta");
  CHECK(events[1].id == id);
  CHECK(events[1].data.find("{\"tiles\":{},\"freshness\":{") == 0);

  // Who could not take it, or missed it, gets what changes and no snapshot.
  auto second = hub->subscribe(
      "d", {}, id, [&](const PushEvent& e) { return resumed.put(e); });
  absl::SleepFor(absl::Milliseconds(100));
  box.set_full(true);
  ms += 15'000;
  CHECK(resumed.wait(1).size() == 1);
  box.set_full(false);
  kpis.value = 2;
  hub->notify();
  for (const auto& last : {box.wait(3), resumed.wait(2)}) {
    CHECK(last.back().event == "delta");
    CHECK(last.back().id != id);
    CHECK(last.back().data.find("\"value\":2") != std::string::npos);
  }
}

TEST_CASE("a slow view is not computed only to say that all is as it was") {
  KpiFixture f;
  CountingKpis kpis(f.model());
  std::atomic<int64_t> ms = at("2026-11-22T10:00:00Z").ms;
  auto hub = PushHub::create(
      kpis, [&] { return f.model(); }, [&] { return Timestamp{ms}; });
  DashboardView year;
  year.range = "ytd";
  kpis.holds = true;
  Mailbox box;
  auto viewer = hub->subscribe("d", year, "",
                               [&](const PushEvent& e) { return box.put(e); });
  absl::SleepFor(absl::Milliseconds(100));
  kpis.holds = false;
  REQUIRE(box.wait(1).size() == 1);
  int calls = kpis.calls;
  ms += 15'000;
  auto events = box.wait(2);
  REQUIRE(events.size() == 2);
  CHECK(events[1].event == "delta");
  CHECK(events[1].id == events[0].id);
  CHECK(events[1].data == "{\"tiles\":{}}");
  CHECK(kpis.calls == calls);
}

TEST_CASE("a view that takes long keeps no other waiting") {
  KpiFixture f;
  CountingKpis kpis(f.model());
  auto hub = PushHub::create(kpis, [&] { return f.model(); });
  kpis.holds = true;
  DashboardView year;
  year.range = "ytd";
  Mailbox slow, quick;
  auto first = hub->subscribe("d", year, "",
                              [&](const PushEvent& e) { return slow.put(e); });
  auto second = hub->subscribe(
      "d", {}, "", [&](const PushEvent& e) { return quick.put(e); });
  CHECK(quick.wait(1).size() == 1);
  ++kpis.value;
  hub->notify();
  CHECK(quick.wait(2).size() == 2);
  CHECK(slow.wait(0).empty());
  kpis.holds = false;
  CHECK(slow.wait(1).size() == 1);
}

TEST_CASE("of more slow views than are computed at a time each has its turn") {
  KpiFixture f;
  CountingKpis kpis(f.model());
  auto hub = PushHub::create(kpis, [&] { return f.model(); });
  kpis.holds = true;
  constexpr size_t kViews = 9;
  std::array<Mailbox, kViews> boxes;
  std::vector<std::unique_ptr<PushHub::Subscription>> viewers;
  for (size_t i = 0; i < kViews; ++i) {
    DashboardView view;
    view.range = "ytd";
    view.filter = "store:S" + std::to_string(i);
    auto viewer = hub->subscribe(
        "d", view, "",
        [&boxes, i](const PushEvent& e) { return boxes[i].put(e); });
    REQUIRE(viewer.has_value());
    viewers.push_back(std::move(*viewer));
  }
  absl::SleepFor(absl::Milliseconds(50));
  kpis.holds = false;
  for (Mailbox& box : boxes) CHECK(box.wait(1).size() == 1);
}

TEST_CASE("snapshot, deltas of changed tiles, resume and slow viewers") {
  KpiFixture f;
  CountingKpis kpis(f.model());
  auto hub = PushHub::create(kpis, [&] { return f.model(); });
  CHECK(!hub->subscribe("nothing", {}, "",
                        [](const PushEvent&) { return true; }));

  Mailbox box;
  auto viewer = hub->subscribe("d", {}, "",
                               [&](const PushEvent& e) { return box.put(e); });
  REQUIRE(viewer.has_value());
  auto events = box.wait(1);
  REQUIRE(events.size() == 1);
  CHECK(events[0].event == "snapshot");
  CHECK(events[0].data.find("{\"tiles\":{\"0\":{\"kpi\":\"net_sales\","
                            "\"value\":1,") == 0);
  CHECK(events[0].data.find("\"2\":{\"kpi\":\"on_hand\"") != std::string::npos);

  kpis.value = 2;
  hub->notify();
  events = box.wait(2);
  REQUIRE(events.size() == 2);
  CHECK(events[1].event == "delta");
  CHECK(events[1].data.find("\"value\":2") != std::string::npos);
  CHECK(events[1].data.find("on_hand") == std::string::npos);

  // Nothing changed: nothing is sent; and no more than four a second.
  int before = kpis.calls;
  for (int i = 0; i < 50; ++i) {
    hub->notify();
    absl::SleepFor(absl::Milliseconds(10));
  }
  CHECK(kpis.calls - before <= 4);
  CHECK(box.wait(2).size() == 2);

  // The same id again: only what comes next.
  Mailbox resumed;
  auto second = hub->subscribe("d", {}, events[1].id, [&](const PushEvent& e) {
    return resumed.put(e);
  });
  absl::SleepFor(absl::Milliseconds(100));
  box.set_full(true);
  kpis.value = 3;
  hub->notify();
  auto next = resumed.wait(1);
  REQUIRE(next.size() == 1);
  CHECK(next[0].event == "delta");

  // The first viewer could not take it: it gets the whole picture.
  box.set_full(false);
  events = box.wait(3);
  REQUIRE(events.size() == 3);
  CHECK(events[2].event == "snapshot");
  CHECK(events[2].data.find("\"value\":3") != std::string::npos);

  viewer->reset();
  kpis.value = 4;
  hub->notify();
  CHECK(resumed.wait(2).size() == 2);
  CHECK(box.wait(3).size() == 3);
}

}  // namespace
}  // namespace freshet
