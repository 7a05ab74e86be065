// Every metric's name, in one place. Thread-safe; owned by the application.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace freshet {

class Metrics {
 public:
  static std::unique_ptr<Metrics> create();
  virtual ~Metrics() = default;
  virtual void request(std::string_view route, int status, double seconds) = 0;
  virtual void query(std::string_view kind, bool ok, double seconds,
                     uint64_t rows_scanned) = 0;
  // Gauges and counters read when scraped: the callback sets them anew.
  virtual void set_gauge(std::string_view name, std::string_view help,
                         std::string_view label_name,
                         std::string_view label_value, double value) = 0;
  virtual void set_counter(std::string_view name, std::string_view help,
                           std::string_view label_name,
                           std::string_view label_value, double value) = 0;
  // Prometheus text format 0.0.4.
  virtual std::string text() = 0;
};

}  // namespace freshet
