// The starter model's datasets as plain structs, so that these tests do not
// need the YAML reader, and a recount of generated lines that shares nothing
// with the ledger.
#pragma once

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/demo/event_generator.h"
#include "server/json/json_value.h"
#include "server/query/expression.h"

namespace freshet::test {

inline ExpressionPtr node(Expression::Kind kind, std::string name,
                          std::vector<ExpressionPtr> arguments = {}) {
  auto e = std::make_shared<Expression>();
  e->kind = kind;
  e->name = std::move(name);
  e->arguments = std::move(arguments);
  return e;
}
inline ExpressionPtr col(const char* name) {
  return node(Expression::Kind::kColumn, name);
}
inline ExpressionPtr op(const char* name, ExpressionPtr a, ExpressionPtr b) {
  return node(Expression::Kind::kCall, name, {std::move(a), std::move(b)});
}

inline ColumnModel text(const char* name, bool high = false) {
  ColumnModel c;
  c.name = c.path = name;
  c.type = {ColumnKind::kString, 0};
  c.high_cardinality = high;
  return c;
}
inline ColumnModel typed(const char* name, ColumnKind kind, uint8_t scale = 0) {
  ColumnModel c = text(name);
  c.type = {kind, scale};
  return c;
}

inline DatasetModel sales_model() {
  DatasetModel d;
  d.name = "sales";
  ColumnModel net = typed("net", ColumnKind::kDecimal, 2);
  net.derived = op("-", op("*", col("qty"), col("price")), col("discount"));
  d.columns = {text("txn_id", true),
               typed("line", ColumnKind::kLong),
               text("store"),
               text("region"),
               text("register"),
               text("sku"),
               text("category"),
               typed("qty", ColumnKind::kLong),
               typed("price", ColumnKind::kDecimal, 2),
               typed("discount", ColumnKind::kDecimal, 2),
               typed("cost", ColumnKind::kDecimal, 2),
               text("currency"),
               text("channel"),
               text("member_id", true),
               text("promotion"),
               text("voucher_id"),
               net};
  return d;
}

inline DatasetModel orders_model() {
  DatasetModel d;
  d.name = "orders";
  d.columns = {text("order_id", true),
               text("status"),
               text("channel"),
               text("store"),
               text("region"),
               text("carrier"),
               typed("ordered_ts", ColumnKind::kTimestamp),
               typed("promised_ts", ColumnKind::kTimestamp),
               typed("delivered_ts", ColumnKind::kTimestamp),
               typed("hours_to_deliver", ColumnKind::kDouble),
               typed("qty_ordered", ColumnKind::kLong),
               typed("qty_delivered", ColumnKind::kLong),
               typed("value", ColumnKind::kDecimal, 2),
               typed("on_time", ColumnKind::kBool),
               typed("in_full", ColumnKind::kBool),
               text("shipment_id"),
               text("member_id", true),
               typed("qty_first_ship", ColumnKind::kLong),
               typed("lines", ColumnKind::kLong),
               typed("lines_first_ship", ColumnKind::kLong),
               typed("lines_right", ColumnKind::kLong),
               typed("backordered", ColumnKind::kBool),
               typed("undamaged", ColumnKind::kBool),
               typed("documents_right", ColumnKind::kBool),
               typed("receivable", ColumnKind::kDecimal, 2)};
  return d;
}

inline DatasetModel inventory_model() {
  DatasetModel d;
  d.name = "inventory";
  ColumnModel value = typed("stock_value", ColumnKind::kDecimal, 2);
  value.derived = op("*", col("on_hand"), col("unit_cost"));
  d.columns = {text("sku"),
               text("category"),
               text("location"),
               text("region"),
               text("reason"),
               typed("on_hand", ColumnKind::kLong),
               typed("unit_cost", ColumnKind::kDecimal, 2),
               typed("ranged", ColumnKind::kLong),
               typed("out_of_stock", ColumnKind::kLong),
               typed("booked", ColumnKind::kLong),
               typed("area_m2", ColumnKind::kLong),
               value};
  return d;
}

inline DatasetModel returns_model() {
  DatasetModel d;
  d.name = "returns";
  d.columns = {text("return_id", true),
               text("txn_id", true),
               typed("line", ColumnKind::kLong),
               text("return_txn_id", true),
               text("sku"),
               text("category"),
               text("store"),
               text("region"),
               text("channel"),
               text("member_id", true),
               text("reason"),
               typed("voucher_used", ColumnKind::kBool),
               typed("qty", ColumnKind::kLong),
               typed("value", ColumnKind::kDecimal, 2),
               typed("sold_ts", ColumnKind::kTimestamp),
               typed("days_since_sale", ColumnKind::kDouble)};
  return d;
}

inline DatasetModel loyalty_model() {
  DatasetModel d;
  d.name = "loyalty";
  d.columns = {text("member_id", true),
               text("type"),
               typed("points", ColumnKind::kLong),
               text("txn_id", true),
               text("store"),
               text("region"),
               text("channel"),
               text("voucher_id"),
               typed("discount", ColumnKind::kDecimal, 2),
               text("device", true),
               text("ip", true),
               typed("repeat", ColumnKind::kBool),
               typed("hours_since_change", ColumnKind::kDouble)};
  return d;
}

inline DatasetModel carts_model() {
  DatasetModel d;
  d.name = "carts";
  d.columns = {text("cart_id", true),
               text("type"),
               text("session_id", true),
               text("device"),
               text("store"),
               text("region"),
               text("member_id", true),
               text("txn_id", true),
               typed("items", ColumnKind::kLong),
               typed("value", ColumnKind::kDecimal, 2),
               typed("sessions", ColumnKind::kLong)};
  return d;
}

inline DatasetModel shipments_model() {
  DatasetModel d;
  d.name = "shipments";
  d.columns = {text("shipment_id", true),
               text("type"),
               text("direction"),
               text("carrier"),
               text("supplier"),
               text("category"),
               text("store"),
               text("region"),
               typed("units", ColumnKind::kLong),
               typed("freight_cost", ColumnKind::kDecimal, 2),
               typed("dwell_minutes", ColumnKind::kLong),
               typed("dock_hours", ColumnKind::kDouble),
               typed("lead_days", ColumnKind::kDouble),
               typed("orders", ColumnKind::kLong),
               typed("orders_open", ColumnKind::kLong),
               typed("payable", ColumnKind::kDecimal, 2)};
  return d;
}

inline DatasetModel temperatures_model() {
  DatasetModel d;
  d.name = "temperatures";
  d.columns = {text("sensor_id"),
               text("shipment_id"),
               text("carrier"),
               text("supplier"),
               text("store"),
               text("region"),
               typed("temp_c", ColumnKind::kDouble),
               typed("minutes", ColumnKind::kLong),
               typed("minutes_outside", ColumnKind::kLong)};
  return d;
}

inline DatasetModel forecasts_model() {
  DatasetModel d;
  d.name = "forecasts";
  d.columns = {text("store"),
               text("region"),
               text("category"),
               typed("horizon_days", ColumnKind::kLong),
               typed("forecast_units", ColumnKind::kLong),
               typed("actual_units", ColumnKind::kLong)};
  return d;
}

inline std::vector<DatasetModel> starter_models() {
  return {sales_model(),     orders_model(),       inventory_model(),
          returns_model(),   loyalty_model(),      carts_model(),
          shipments_model(), temperatures_model(), forecasts_model()};
}

inline Timestamp at(const char* iso) { return *parse_iso8601(iso); }

inline JsonValue parsed(const std::string& line) {
  auto value = parse_json(line);
  return value ? *value : JsonValue();
}
inline std::string string_of(const JsonValue& event, const char* name) {
  const JsonValue* v = event.find(name);
  return v && v->as_string() ? *v->as_string() : "";
}
// A number in units of 10^-scale: exact for the sizes in these tests.
inline int64_t units_of(const JsonValue& event, const char* name, int scale) {
  const JsonValue* v = event.find(name);
  if (!v) return 0;
  if (v->as_int()) return *v->as_int() * kPowersOfTen[scale];
  if (v->as_double())
    return std::llround(*v->as_double() * std::pow(10, scale));
  return 0;
}

}  // namespace freshet::test
