#include "tests/server/kpi/kpi_fixture.h"

#include <doctest/doctest.h>

namespace freshet {
namespace {

constexpr const char* kDatasets[][2] = {
    {"datasets/sales.yaml", R"(dataset: sales
source: { log: { } }
time: { field: ts }
columns:
  - { name: store, type: string }
  - { name: txn, type: string }
  - { name: net, type: decimal(2) }
  - { name: cost, type: decimal(2) }
)"},
    {"datasets/stock.yaml", R"(dataset: stock
source: { log: { } }
time: { field: ts }
columns:
  - { name: sku, type: string }
  - { name: place, type: string }
  - { name: on_hand, type: long }
)"},
    {"datasets/returns.yaml", R"(dataset: returns
source: { log: { } }
time: { field: ts }
columns:
  - { name: store, type: string }
  - { name: sold, type: timestamp }
  - { name: worth, type: decimal(2) }
)"},
    {"kpis/windows.yaml", R"yaml(kpis:
  - { kpi: sales_7d, dataset: sales, formula: "rolling(sum(net), 7d)",
      unit: currency, currency: EUR, dimensions: [store] }
  - { kpi: sales_a_day_7d, dataset: sales,
      formula: "rolling(sum(net) / days(), 7d)" }
  - { kpi: a_less_b, dataset: sales, dimensions: [store],
      formula: "sum(net) filter (where store = 'A') -
        sum(net) filter (where store = 'B')" }
  - { kpi: receipts_7d, dataset: sales, dimensions: [store],
      formula: "rolling(count(distinct txn), 7d)" }
  - { kpi: sales_of_month, dataset: sales, dimensions: [store],
      formula: "to_date(sum(net), month)" }
  - { kpi: gained, dataset: sales, dimensions: [store],
      formula: "sum(net) - before(sum(net), 1d)" }
  - { kpi: growth, dataset: sales, dimensions: [store],
      formula: "sum(net) / before(sum(net), 7d) - 1" }
  - { kpi: same_sales, dataset: sales, dimensions: [store],
      formula: same_stores(sum(net)) }
  - { kpi: same_growth, dataset: sales, dimensions: [store],
      formula: "same_stores(sum(net) / before(sum(net), 7d) - 1)" }
  - { kpi: whole_sales, dataset: sales, dimensions: [store],
      formula: "cast(sum(net) as bigint)" }
  - { kpi: line_value, dataset: sales, formula: avg(net), dimensions: [store] }
  - { kpi: large_line, dataset: sales, formula: p90(net), dimensions: [store] }
  - { kpi: line_spread, dataset: sales, dimensions: [store],
      formula: "stddev_samp(net) / stddev_pop(net) + approx_quantile(net, 0.2)" }
  - { kpi: first_return, dataset: returns, dimensions: [store],
      formula: "earliest_by(worth, sold)" }
  - { kpi: opening_stock, dataset: stock, dimensions: [sku, place],
      formula: "sum(first(on_hand by sku, place))" }
  - { kpi: average_stock, dataset: stock, dimensions: [sku, place],
      formula: "time_avg(sum(last(on_hand by sku, place)), 1d)" }
  - { kpi: least_stock, dataset: stock, dimensions: [sku, place],
      formula: "time_min(sum(last(on_hand by sku, place)), 1h)" }
  - { kpi: greatest_stock, dataset: stock, dimensions: [sku, place],
      formula: "time_max(sum(last(on_hand by sku, place)), 1h)" }
  - { kpi: turnover, formula: "[cost] / time_avg([on_hand], 1d)" }
  - { kpi: days_of_supply, formula: "[on_hand] / ([cost] / days())" }
  - { kpi: returned, dataset: returns, formula: sum(worth),
      dimensions: [store] }
  - { kpi: returned_of_sales, dataset: returns, formula: sum(worth),
      time: sold, dimensions: [store] }
  - { kpi: return_rate, formula: "[returned_of_sales] / [net_sales]",
      dimensions: [store] }
  - { kpi: store_plan, dataset: sales, formula: sum(net), dimensions: [store],
      unit: currency, currency: EUR,
      target: { dimension: store, per: day, values: { A: 30, B: 50.50 } } }
  - { kpi: store_margin, dataset: sales, unit: percent, dimensions: [store],
      formula: (sum(net) - sum(cost)) / sum(net),
      target: { dimension: store, values: { A: 0.4, B: 0.2 } } }
)yaml"},
    {"kpis/all.yaml", R"yaml(kpis:
  - { kpi: net_sales, dataset: sales, formula: sum(net), unit: currency,
      currency: EUR, target: 100 per day, dimensions: [store] }
  - { kpi: receipts, dataset: sales, formula: count(distinct txn),
      dimensions: [store] }
  - { kpi: margin, dataset: sales, unit: percent, target: 0.5,
      formula: (sum(net) - sum(cost)) / sum(net), dimensions: [store] }
  - { kpi: cost, dataset: sales, formula: sum(cost), dimensions: [store] }
  - { kpi: markup, formula: "[net_sales] / [cost]", dimensions: [store] }
  - { kpi: sales_a_day, formula: "[net_sales] / days()" }
  - { kpi: on_hand, dataset: stock, dimensions: [sku, place],
      formula: "sum(last(on_hand by sku, place))" }
)yaml"},
    {"dashboards/d.yaml", R"(dashboard: d
default: { range: today, tz: Europe/Madrid }
tiles:
  - { kpi: net_sales, show: tile }
  - { show: text, text: hello }
  - { kpi: on_hand, show: tile }
)"},
    {"dashboards/shapes.yaml", R"(dashboard: shapes
default: { range: today, tz: Europe/Madrid }
filters: [store]
tiles:
  - { kpi: margin, show: heatmap }
  - { show: funnel, steps: [receipts, net_sales] }
  - { kpi: net_sales, show: map, by: store, places: { A: [40.4, -3.7] },
      outline: [[[36, -9.5], [44, 3]]] }
  - { kpi: net_sales, show: line, grain: hour }
)"}};

}  // namespace

KpiFixture::KpiFixture() {
  ModelFolder folder;
  for (const auto& file : kDatasets) folder.write(file[0], file[1]);
  ModelLoad load = folder.load();
  for (const ModelFault& f : load.faults) MESSAGE(f.line << " " << f.message);
  REQUIRE(load.model);
  model_ = load.model;
  runner_ = Runner::create(catalog_, 1);
}

void KpiFixture::put(const std::string& dataset,
                     std::shared_ptr<LiveSegment> live,
                     const std::string& as_of) {
  auto timeline = std::make_shared<Timeline>();
  timeline->live.push_back(live);
  DatasetSnapshot snapshot;
  snapshot.schema = live->schema();
  snapshot.timeline = timeline;
  snapshot.as_of = at(as_of);
  snapshot.offsets[dataset + "/0"] = {0, live->num_rows()};
  catalog_.data[dataset] = snapshot;
}

void KpiFixture::sales(const std::vector<SaleRow>& rows,
                       const std::string& as_of) {
  auto schema = model_->dataset("sales")->schema;
  ColumnBatch batch(schema);
  for (const SaleRow& row : rows) {
    batch.set_long(0, at(row.t).ms);
    if (row.store != "null") batch.set_string(1, row.store);
    batch.set_string(2, row.txn);
    batch.set_long(3, row.net_cents);
    batch.set_long(4, row.cost_cents);
    batch.commit_row();
  }
  auto live = LiveSegment::create("sales", schema, Interval{});
  live->append(batch);
  put("sales", live, as_of);
}

void KpiFixture::stock(const std::vector<StockRow>& rows,
                       const std::string& as_of) {
  auto schema = model_->dataset("stock")->schema;
  ColumnBatch batch(schema);
  for (const StockRow& row : rows) {
    batch.set_long(0, at(row.t).ms);
    batch.set_string(1, row.sku);
    batch.set_string(2, row.place);
    batch.set_long(3, row.on_hand);
    batch.commit_row();
  }
  auto live = LiveSegment::create("stock", schema, Interval{});
  live->append(batch);
  put("stock", live, as_of);
}

void KpiFixture::returns(const std::vector<ReturnRow>& rows,
                         const std::string& as_of) {
  auto schema = model_->dataset("returns")->schema;
  ColumnBatch batch(schema);
  for (const ReturnRow& row : rows) {
    batch.set_long(0, at(row.t).ms);
    batch.set_string(1, row.store);
    batch.set_long(2, at(row.sold).ms);
    batch.set_long(3, row.cents);
    batch.commit_row();
  }
  auto live = LiveSegment::create("returns", schema, Interval{});
  live->append(batch);
  put("returns", live, as_of);
}

void KpiFixture::late(const std::string& dataset, const std::string& event,
                      const std::string& complete) {
  auto& times = restated_[dataset];
  if (!times) times = std::make_shared<RestatedTimes>();
  times->note(at(event), at(complete));
}

Result<KpiAnswer> KpiFixture::answer(const KpiRequest& request,
                                     const std::string& now) {
  FrozenDatasets frozen(*runner_, [this](const std::string& dataset) {
    return restated_[dataset];
  });
  return KpiAnswerer(*runner_, model_, request, at(now), Limits{}, nullptr,
                     &frozen, nullptr)
      .answer();
}

KpiAnswer KpiFixture::answered(const KpiRequest& request,
                               const std::string& now) {
  auto a = answer(request, now);
  REQUIRE_MESSAGE(a.has_value(), (a ? "" : a.error().message));
  return *a;
}

}  // namespace freshet
