// PushHub: keeps viewers of dashboards current. One computation per (dashboard,
// view, data version) for all its viewers, at most four a second; sends the
// whole picture first, then only the tiles that changed, and at least every
// 15 s a delta, be it of no tile.
//
// Thread-safe; owns one thread. Owned by the application.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/kpi/kpi.h"

namespace freshet {

// One server-sent event: {"tiles":{"0":{...answer...},"3":{...}},
// "data_version":n} with event name "snapshot" or "delta", and "error" with
// {"error":{...}} when it cannot be computed.
struct PushEvent {
  std::string id;  // for Last-Event-ID; a delta of no tile has the one before
  std::string event;
  std::string data;  // one line of JSON
};

class PushHub {
 public:
  // By `clock` views are computed anew each minute, also without news: ranges
  // that are running, and what they are compared with, go on. The 15 s are its.
  static std::unique_ptr<PushHub> create(
      Kpis& kpis, std::function<std::shared_ptr<const Model>()> model,
      std::function<Timestamp()> clock = now);
  virtual ~PushHub() = default;

  // A viewer. `send` is called from the hub's thread and must not block; it
  // returns false when the viewer cannot take more now: if a tile was in it the
  // hub drops deltas for it and sends a snapshot when `send` takes it.
  // kNotFound for an unknown dashboard. Destroy the subscription to leave;
  // `send` is not called after that.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };
  virtual Result<std::unique_ptr<Subscription>> subscribe(
      const std::string& dashboard, const DashboardView& view,
      const std::string& last_event_id,
      std::function<bool(const PushEvent&)> send) = 0;

  // Data or model changed; cheap, any thread.
  virtual void notify() = 0;
};

}  // namespace freshet
