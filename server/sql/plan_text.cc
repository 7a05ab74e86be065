#include "server/sql/plan_text.h"

#include "server/json/json_writer.h"

namespace freshet {
namespace {

const char* function_name(Aggregate::Function f) {
  static constexpr const char* kNames[] = {"count",
                                           "sum",
                                           "min",
                                           "max",
                                           "avg",
                                           "count_distinct",
                                           "first",
                                           "last",
                                           "quantile",
                                           "last_per_key_sum",
                                           "approx_distinct",
                                           "approx_quantile",
                                           "variance",
                                           "deviation",
                                           "bit_and",
                                           "bit_or",
                                           "bit_xor",
                                           "texts",
                                           "array"};
  return kNames[static_cast<size_t>(f)];
}

void write_aggregate(const Aggregate& aggregate, JsonWriter& out) {
  out.begin_object().field("name", aggregate.name);
  out.field("function", function_name(aggregate.function));
  if (aggregate.argument) {
    out.field("argument", to_text(*aggregate.argument));
  }
  if (aggregate.filter) out.field("filter", to_text(*aggregate.filter));
  if (!aggregate.keys.empty()) {
    out.key("keys").begin_array();
    for (const auto& key : aggregate.keys) out.value(to_text(*key));
    out.end_array();
  }
  out.end_object();
}

void write_order(const Query& query, JsonWriter& out) {
  out.key("orderBy").begin_array();
  for (const OrderBy& order : query.order_by) {
    out.begin_object().field("column", order.name);
    out.field("descending", order.descending).end_object();
  }
  out.end_array();
}

}  // namespace

std::string plan_text(const PlannedQuery& planned) {
  const Query& query = planned.query;
  bool scan = query.kind == Query::Kind::kScan;
  JsonWriter out;
  out.begin_object().field("queryType", scan ? "scan" : "aggregate");
  if (!query.dataset.empty()) out.field("dataset", query.dataset);
  if (!(query.interval == Interval{})) {
    out.field("interval", to_iso8601(query.interval.start) + "/" +
                              to_iso8601(query.interval.end));
  }
  if (query.filter) out.field("filter", to_text(*query.filter));
  if (!scan) {
    out.key("groups").begin_array();
    for (const auto& group : query.groups) {
      out.begin_object().field("name", group.name);
      out.field("expression", to_text(*group.expression)).end_object();
    }
    out.end_array().key("aggregates").begin_array();
    for (const auto& a : query.aggregates) write_aggregate(a, out);
    out.end_array();
  }
  if (query.having) out.field("having", to_text(*query.having));
  out.key("outputs").begin_array();
  for (const auto& o : query.select) out.value(to_text(*o.expression));
  out.end_array().key("columns").begin_array();
  for (const std::string& name : planned.names) out.value(name);
  out.end_array();
  if (!query.order_by.empty()) write_order(query, out);
  if (query.distinct) out.field("distinct", true);
  if (query.limit) out.field("limit", *query.limit);
  if (query.offset > 0) out.field("offset", query.offset);
  out.end_object();
  return out.take();
}

}  // namespace freshet
