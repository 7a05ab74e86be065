#include "server/demo/company.h"

namespace freshet {

double TrafficLevel::per_day(const std::string& dataset) const {
  if (dataset == "sales") return sales_per_day;
  if (dataset == "orders") return orders_per_day;
  if (dataset == "inventory") return inventory_per_day;
  if (dataset == "returns") return kReturnsPerDay;
  if (dataset == "loyalty") return kLoyaltyPerDay;
  if (dataset == "carts") return kCartsPerDay;
  if (dataset == "shipments") return kShipmentsPerDay;
  if (dataset == "temperatures") return kTemperaturesPerDay;
  if (dataset == "forecasts") return kForecastsPerDay;
  return other_per_day;
}

}  // namespace freshet
