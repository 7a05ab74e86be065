#include "server/http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <utility>

#include "segments/mutex.h"

namespace freshet {
namespace {

using prometheus::Labels;

const prometheus::Histogram::BucketBoundaries& seconds_buckets() {
  static const auto& buckets = *new prometheus::Histogram::BucketBoundaries{
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
      0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  return buckets;
}

class PrometheusMetrics : public Metrics {
 public:
  void request(std::string_view route, int status, double seconds) override {
    std::string name(route.empty() ? "none" : route);
    requests_.Add({{"route", name}, {"status", std::to_string(status)}})
        .Increment();
    request_seconds_.Add({{"route", name}}, seconds_buckets()).Observe(seconds);
  }

  void query(std::string_view kind, bool ok, double seconds,
             uint64_t rows_scanned) override {
    Labels labels{{"kind", std::string(kind)}};
    queries_.Add({{"kind", std::string(kind)}, {"ok", ok ? "true" : "false"}})
        .Increment();
    query_seconds_.Add(labels, seconds_buckets()).Observe(seconds);
    rows_scanned_.Add(labels).Increment(static_cast<double>(rows_scanned));
  }

  void set_gauge(std::string_view name, std::string_view help,
                 std::string_view label_name, std::string_view label_value,
                 double value) override {
    MutexLock lock(mutex_);
    auto*& family = gauges_[std::string(name)];
    if (!family) {
      family = &prometheus::BuildGauge()
                    .Name(std::string(name))
                    .Help(std::string(help))
                    .Register(registry_);
    }
    family->Add(labels(label_name, label_value)).Set(value);
  }

  void set_counter(std::string_view name, std::string_view help,
                   std::string_view label_name, std::string_view label_value,
                   double value) override {
    MutexLock lock(mutex_);
    auto*& family = counters_[std::string(name)];
    if (!family) {
      family = &prometheus::BuildCounter()
                    .Name(std::string(name))
                    .Help(std::string(help))
                    .Register(registry_);
    }
    auto& counter = family->Add(labels(label_name, label_value));
    double behind = value - counter.Value();
    // What was counted elsewhere may start anew; a counter then does, too.
    if (behind < 0) {
      family->Remove(&counter);
      family->Add(labels(label_name, label_value)).Increment(value);
    } else {
      counter.Increment(behind);
    }
  }

  std::string text() override {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  static Labels labels(std::string_view name, std::string_view value) {
    if (name.empty()) return {};
    return {{std::string(name), std::string(value)}};
  }

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_ =
      prometheus::BuildCounter()
          .Name("freshet_http_requests_total")
          .Help("Requests answered, by route and status")
          .Register(registry_);
  prometheus::Family<prometheus::Histogram>& request_seconds_ =
      prometheus::BuildHistogram()
          .Name("freshet_http_request_seconds")
          .Help("From the head of a request to the end of its answer")
          .Register(registry_);
  prometheus::Family<prometheus::Counter>& queries_ =
      prometheus::BuildCounter()
          .Name("freshet_queries_total")
          .Help("Queries run, by kind and outcome")
          .Register(registry_);
  prometheus::Family<prometheus::Histogram>& query_seconds_ =
      prometheus::BuildHistogram()
          .Name("freshet_query_seconds")
          .Help("Time of a query")
          .Register(registry_);
  prometheus::Family<prometheus::Counter>& rows_scanned_ =
      prometheus::BuildCounter()
          .Name("freshet_query_rows_scanned_total")
          .Help("Rows whose values queries looked at")
          .Register(registry_);

  Mutex mutex_;
  std::map<std::string, prometheus::Family<prometheus::Gauge>*> gauges_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, prometheus::Family<prometheus::Counter>*> counters_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Metrics> Metrics::create() {
  return std::make_unique<PrometheusMetrics>();
}

}  // namespace freshet
