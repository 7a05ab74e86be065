// A few rows of sales and stock that the tests of KPIs work out by hand.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/kpi/kpi_answerer.h"
#include "tests/server/model/model_folder.h"

namespace freshet {

inline Timestamp at(const std::string& text) { return *parse_iso8601(text); }

struct SaleRow {
  std::string t, store, txn;
  int64_t net_cents, cost_cents;
};
struct StockRow {
  std::string t, sku, place;
  int64_t on_hand;
};

struct ReturnRow {
  std::string t, store, sold;
  int64_t cents;
};

class MemoryCatalog : public DatasetCatalog {
 public:
  std::optional<DatasetSnapshot> snapshot(
      std::string_view name) const override {
    ++taken;
    auto found = data.find(std::string(name));
    if (found == data.end()) return std::nullopt;
    return found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, unused] : data) out.push_back(name);
    return out;
  }
  std::map<std::string, DatasetSnapshot> data;
  mutable int taken = 0;  // snapshots
};

class KpiFixture {
 public:
  KpiFixture();
  void sales(const std::vector<SaleRow>& rows, const std::string& as_of);
  void stock(const std::vector<StockRow>& rows, const std::string& as_of);
  void returns(const std::vector<ReturnRow>& rows, const std::string& as_of);
  // An event of this time came when data was called complete up to then.
  void late(const std::string& dataset, const std::string& event,
            const std::string& complete);
  Result<KpiAnswer> answer(const KpiRequest& request, const std::string& now);
  // REQUIREs that there is one.
  KpiAnswer answered(const KpiRequest& request, const std::string& now);
  std::shared_ptr<const Model> model() const { return model_; }
  Runner& runner() { return *runner_; }
  int snapshots_taken() const { return catalog_.taken; }

 private:
  void put(const std::string& dataset, std::shared_ptr<LiveSegment> live,
           const std::string& as_of);
  MemoryCatalog catalog_;
  std::map<std::string, std::shared_ptr<RestatedTimes>> restated_;
  std::unique_ptr<Runner> runner_;
  std::shared_ptr<const Model> model_;
};

}  // namespace freshet
