#include "server/sql/kpi_table.h"

#include <algorithm>

#include "server/json/json_value.h"
#include "server/sql/aggregate_name.h"
#include "server/sql/letters.h"
#include "server/sql/parser.h"
#include "server/sql/translator.h"

namespace freshet {
namespace {

constexpr const char* kValue = "value";
using Kind = SqlExpression::Kind;

SqlPtr column_node(const std::string& name) {
  auto out = std::make_shared<SqlExpression>();
  out->kind = Kind::kColumn;
  out->name = name;
  return out;
}

// A KPI's quotient is no whole number.
SqlPtr with_real_division(const SqlPtr& node) {
  if (node->kind == Kind::kCall && is_aggregate_name(node->name)) return node;
  auto out = std::make_shared<SqlExpression>(*node);
  for (SqlPtr& argument : out->arguments) {
    argument = with_real_division(argument);
  }
  if (node->kind == Kind::kCall && node->name == "/") {
    auto cast = std::make_shared<SqlExpression>();
    cast->kind = Kind::kCast;
    cast->type_name = "double";
    cast->arguments = {out->arguments[0]};
    out->arguments[0] = std::move(cast);
  }
  return out;
}

class KpiTableExpander {
 public:
  KpiTableExpander(const SelectStatement& statement, const KpiTable& table,
                   SqlPtr formula, SqlPtr where)
      : in_(statement),
        table_(table),
        formula_(std::move(formula)),
        where_(std::move(where)) {}

  Result<SelectStatement> run() {
    out_ = in_;
    out_.from.schema.clear();
    if (out_.from.alias.empty()) out_.from.alias = out_.from.table;
    out_.from.table = table_.dataset;
    bool star =
        in_.items.size() == 1 && in_.items[0].expression->kind == Kind::kStar;
    if (star) list_all_columns();
    if (any_aggregate() && !any_value()) return over_its_rows();
    bool grouped = !out_.group_by.empty() || any_aggregate();
    if (!grouped) TRY(group_by_the_others());
    TRY(replace_everywhere());
    if (where_) out_.where = out_.where ? both(where_, out_.where) : where_;
    return std::move(out_);
  }

 private:
  static SqlPtr both(const SqlPtr& a, const SqlPtr& b) {
    auto out = std::make_shared<SqlExpression>();
    out->kind = Kind::kCall;
    out->name = "and";
    out->arguments = {a, b};
    return out;
  }

  void list_all_columns() {
    out_.items.clear();
    list_dimensions(out_);
    out_.items.push_back({column_node(kValue), ""});
  }

  void list_dimensions(SelectStatement& to) const {
    to.items.push_back({column_node("__time"), ""});
    for (const std::string& name : table_.dimensions) {
      to.items.push_back({column_node(name), ""});
    }
  }

  // COUNT(*) and other aggregates without the value are of the table's rows,
  // which are groups.
  Result<SelectStatement> over_its_rows() {
    auto rows = std::make_shared<SelectStatement>();
    rows->from = out_.from;
    list_dimensions(*rows);
    if (counts_repeats()) {
      for (const SelectItem& item : rows->items) {
        rows->group_by.push_back(item.expression);
      }
    }
    rows->where = where_;
    if (out_.where) {
      TRY(check_where());
      TRY_ASSIGN(rows->where, replaced(out_.where));
      if (where_) rows->where = both(where_, rows->where);
      out_.where = nullptr;
    }
    out_.from.kind = FromItem::Kind::kSubquery;
    out_.from.table.clear();
    out_.from.subquery = std::move(rows);
    return std::move(out_);
  }

  // Its number: "value", or the name of the KPI unless a dimension has it.
  bool is_value(const SqlExpression& e) const {
    if (e.kind != Kind::kColumn) return false;
    if (same_letters(e.name, kValue)) return true;
    return same_letters(e.name, in_.from.table) && !is_column(e.name);
  }

  static bool is_measure(const SqlExpression& e) {
    return e.kind == Kind::kCall && (e.name == "measure" || e.name == "agg");
  }

  static bool has_measure(const SqlExpression& e) {
    if (is_measure(e) || (e.kind == Kind::kCall && is_aggregate_name(e.name))) {
      return true;
    }
    return std::any_of(e.arguments.begin(), e.arguments.end(),
                       [](const SqlPtr& a) { return has_measure(*a); });
  }

  bool has_value(const SqlExpression& e) const {
    return is_value(e) ||
           std::any_of(e.arguments.begin(), e.arguments.end(),
                       [this](const SqlPtr& a) { return has_value(*a); });
  }

  // Whether an aggregate is another one over rows than over their groups.
  bool counts_repeats() const {
    auto item_counts = [](const auto& item) {
      return counts_repeats(*item.expression);
    };
    return std::any_of(out_.items.begin(), out_.items.end(), item_counts) ||
           std::any_of(out_.order_by.begin(), out_.order_by.end(),
                       item_counts) ||
           (out_.having && counts_repeats(*out_.having));
  }

  static bool counts_repeats(const SqlExpression& e) {
    if (e.kind == Kind::kCall && is_aggregate_name(e.name)) {
      return e.name != "min" && e.name != "max" && !e.distinct;
    }
    return std::any_of(e.arguments.begin(), e.arguments.end(),
                       [](const SqlPtr& a) { return counts_repeats(*a); });
  }

  // Whether the KPI's number, or MEASURE() of anything, is asked for.
  bool any_value() const {
    auto asks = [this](const SqlPtr& e) {
      return e && (has_value(*e) || has_measure_call(*e));
    };
    auto item_asks = [&](const auto& item) { return asks(item.expression); };
    return std::any_of(out_.items.begin(), out_.items.end(), item_asks) ||
           std::any_of(out_.order_by.begin(), out_.order_by.end(), item_asks) ||
           std::any_of(out_.group_by.begin(), out_.group_by.end(), asks) ||
           asks(out_.having);
  }

  static bool has_measure_call(const SqlExpression& e) {
    return is_measure(e) ||
           std::any_of(e.arguments.begin(), e.arguments.end(),
                       [](const SqlPtr& a) { return has_measure_call(*a); });
  }

  bool any_aggregate() const {
    return std::any_of(
        out_.items.begin(), out_.items.end(),
        [](const SelectItem& item) { return has_measure(*item.expression); });
  }

  Status group_by_the_others() {
    for (const SelectItem& item : out_.items) {
      if (!has_value(*item.expression)) {
        out_.group_by.push_back(item.expression);
      }
    }
    return {};
  }

  Status replace_everywhere() {
    for (SelectItem& item : out_.items) {
      if (item.alias.empty() && is_value(*item.expression)) {
        item.alias = item.expression->name;
      }
      TRY_ASSIGN(item.expression, replaced(item.expression));
    }
    for (SqlPtr& group : out_.group_by) {
      if (has_value(*group)) {
        return sql_error(ErrorCode::kInvalid,
                         "the value of a KPI is no group: value", *group);
      }
      TRY_ASSIGN(group, replaced(group));
    }
    if (out_.where) {
      TRY(check_where());
      TRY_ASSIGN(out_.where, replaced(out_.where));
    }
    if (out_.having) {
      TRY_ASSIGN(out_.having, replaced(out_.having));
    }
    for (SortItem& item : out_.order_by) {
      bool alias = item.expression->kind == Kind::kColumn &&
                   is_alias(item.expression->name);
      if (alias) continue;
      TRY_ASSIGN(item.expression, replaced(item.expression));
    }
    return {};
  }

  Status check_where() const {
    if (!has_value(*out_.where)) return {};
    return sql_error(ErrorCode::kInvalid,
                     "WHERE is about rows; compare the value of a KPI in "
                     "HAVING",
                     *out_.where);
  }

  bool is_alias(const std::string& name) const {
    return std::any_of(
        out_.items.begin(), out_.items.end(), [&](const SelectItem& item) {
          return !item.alias.empty() && same_letters(item.alias, name);
        });
  }

  bool is_column(const std::string& name) const {
    if (same_letters(name, "__time")) return true;
    return std::any_of(
        table_.dimensions.begin(), table_.dimensions.end(),
        [&](const std::string& d) { return same_letters(d, name); });
  }

  Result<SqlPtr> replaced(const SqlPtr& node) {
    if (node->kind == Kind::kColumn) return column(node);
    if (node->kind == Kind::kStar) {
      return sql_error(ErrorCode::kInvalid,
                       "* stands alone in a SELECT over a KPI", *node);
    }
    if (node->kind == Kind::kCall) {
      bool measure = is_measure(*node);
      bool aggregate = measure || is_aggregate_name(node->name);
      if (aggregate) return aggregated(node, measure);
    }
    auto out = std::make_shared<SqlExpression>(*node);
    for (SqlPtr& argument : out->arguments) {
      TRY_ASSIGN(argument, replaced(argument));
    }
    return SqlPtr(std::move(out));
  }

  Result<SqlPtr> column(const SqlPtr& node) {
    if (is_value(*node)) return formula_;
    if (is_column(node->name) || is_alias(node->name)) return node;
    std::vector<std::string> known = table_.dimensions;
    known.insert(known.end(), {"__time", kValue});
    std::string near = nearest_name(node->name, known);
    return sql_error(ErrorCode::kInvalid,
                     "'" + node->name + "' isn't a dimension of kpi '" +
                         in_.from.table + "'" +
                         (near.empty() ? "" : "; did you mean '" + near + "'?"),
                     *node);
  }

  Result<SqlPtr> aggregated(const SqlPtr& node, bool measure) {
    bool of_value =
        node->arguments.size() == 1 && is_value(*node->arguments[0]);
    if (!of_value) {
      if (measure || has_value(*node)) {
        return sql_error(ErrorCode::kInvalid, "expected MEASURE(value)", *node);
      }
      return sql_error(
          ErrorCode::kInvalid,
          node->name + "() over the rows of a KPI; ask its dataset", *node);
    }
    bool sum = node->name == "sum" && table_.amount;
    if ((!measure && !sum) || node->filter || node->distinct) {
      return sql_error(ErrorCode::kInvalid,
                       "the value of kpi '" + in_.from.table + "' is no " +
                           node->name + " of parts; write MEASURE(value)",
                       *node);
    }
    return formula_;
  }

  const SelectStatement& in_;
  const KpiTable& table_;
  SqlPtr formula_, where_;
  SelectStatement out_;
};

Error at_from(const FromItem& from, ErrorCode code, std::string message) {
  return Error{code, std::move(message), from.line, from.column};
}

}  // namespace

bool is_kpi_table(const FromItem& from) {
  return from.kind == FromItem::Kind::kTable &&
         same_letters(from.schema, "kpi");
}

Result<SelectStatement> expand_kpi_table(const SelectStatement& statement,
                                         const KpiTables& tables) {
  const FromItem& from = statement.from;
  auto table = tables.find ? tables.find(from.table) : std::nullopt;
  if (!table) {
    std::string near =
        tables.names ? nearest_name(from.table, tables.names()) : std::string();
    return at_from(from, ErrorCode::kNotFound,
                   "there is no KPI '" + from.table + "'" +
                       (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  if (!table->refusal.empty()) {
    return at_from(from, ErrorCode::kUnsupported,
                   "kpi." + from.table + ": " + table->refusal +
                       "; ask /api/v1/kpis/" + from.table + "/value");
  }
  TRY_ASSIGN(SqlPtr formula, parse_sql_expression(table->formula));
  SqlPtr where;
  if (!table->where.empty()) {
    TRY_ASSIGN(where, parse_sql_expression(table->where));
  }
  return KpiTableExpander(statement, *table, with_real_division(formula),
                          std::move(where))
      .run();
}

}  // namespace freshet
