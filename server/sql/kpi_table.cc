#include "server/sql/kpi_table.h"

#include <absl/strings/str_join.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/sql/aggregate_name.h"
#include "server/sql/letters.h"
#include "server/sql/parser.h"
#include "server/sql/syntax_node.h"
#include "server/sql/translator.h"
#include "server/sql/window_split.h"

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

// A KPI's quotient is no whole number, and its sum over no rows is 0.
SqlPtr as_kpi_counts(const SqlPtr& node) {
  if (node->kind == Kind::kCall && is_aggregate_name(node->name)) {
    if (node->name != "sum") return node;
    return sql_call(*node, "coalesce",
                    {node, sql_literal(*node, Value(int64_t{0}))});
  }
  auto out = std::make_shared<SqlExpression>(*node);
  for (SqlPtr& argument : out->arguments) {
    argument = as_kpi_counts(argument);
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
    // No WITH query of that name.
    out_.from.schema = "druid";
    if (out_.from.alias.empty()) out_.from.alias = out_.from.table;
    out_.from.table = table_.dataset;
    bool star =
        in_.items.size() == 1 && in_.items[0].expression->kind == Kind::kStar;
    if (star) list_all_columns();
    if (!any_value() && any_item_or_clause(is_over_rows)) {
      return over_its_rows();
    }
    const bool cells = table_.by_cells && any_value();
    if (cells) out_.from.kpi = in_.from.table;
    bool grouped =
        !out_.group_by.empty() ||
        std::any_of(out_.items.begin(), out_.items.end(), [](const auto& item) {
          return has_aggregate(*item.expression);
        });
    if (!grouped) TRY(group_by_the_others());
    TRY(replace_everywhere());
    if (where_ && !cells) {
      out_.where = out_.where ? both(where_, out_.where) : where_;
    }
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

  // COUNT(*), other aggregates and windows without the value are of the
  // table's rows, which are groups.
  Result<SelectStatement> over_its_rows() {
    auto rows = std::make_shared<SelectStatement>();
    rows->from = out_.from;
    list_dimensions(*rows);
    if (any_item_or_clause(counts_repeats)) {
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
    if (e.kind != Kind::kColumn || !is_of_table(e)) return false;
    if (same_letters(e.name, kValue)) return true;
    return same_letters(e.name, in_.from.table) && !is_column(e.name);
  }

  bool is_of_table(const SqlExpression& e) const {
    return e.qualifier.empty() || same_letters(e.qualifier, in_.from.table) ||
           same_letters(e.qualifier, in_.from.alias);
  }

  static bool is_measure(const SqlExpression& e) {
    return e.kind == Kind::kCall && (e.name == "measure" || e.name == "agg");
  }

  // Whether it makes one value of a group's rows; a window leaves the rows.
  static bool is_aggregate(const SqlExpression& e) {
    return e.kind == Kind::kCall && !e.over &&
           (is_measure(e) || is_aggregate_name(e.name));
  }

  template <typename Test>
  static bool any_part(const SqlExpression& e, const Test& test) {
    const std::vector<SqlPtr> parts = sql_parts(e);
    return test(e) ||
           std::any_of(parts.begin(), parts.end(), [&](const SqlPtr& part) {
             return any_part(*part, test);
           });
  }

  static bool has_aggregate(const SqlExpression& e) {
    return any_part(e, is_aggregate);
  }

  static bool has_column(const SqlExpression& e) {
    return any_part(e, [](const auto& p) { return p.kind == Kind::kColumn; });
  }

  bool has_value(const SqlExpression& e) const {
    return any_part(e, [this](const auto& part) { return is_value(part); });
  }

  static bool is_over_rows(const SqlExpression& e) {
    return e.over != nullptr || is_aggregate(e);
  }

  // Whether it is another one over rows than over their groups.
  static bool counts_repeats(const SqlExpression& e) {
    if (e.over) return true;
    return is_aggregate(e) && e.name != "min" && e.name != "max" && !e.distinct;
  }

  // Whether the KPI's number, or MEASURE() of anything, is asked for.
  bool any_value() const {
    auto asks = [this](const auto& e) { return is_value(e) || is_measure(e); };
    return any_item_or_clause(asks) ||
           std::any_of(
               out_.group_by.begin(), out_.group_by.end(),
               [&](const SqlPtr& group) { return any_part(*group, asks); });
  }

  // Of what is worked out of groups.
  template <typename Test>
  bool any_item_or_clause(const Test& test) const {
    auto holds = [&](const auto& item) {
      return any_part(*item.expression, test);
    };
    return std::any_of(out_.items.begin(), out_.items.end(), holds) ||
           std::any_of(out_.order_by.begin(), out_.order_by.end(), holds) ||
           (out_.having && any_part(*out_.having, test));
  }

  Status group_by_the_others() {
    for (const SelectItem& item : out_.items) {
      if (has_value(*item.expression) || has_window(item.expression)) {
        group_by_columns_of(item.expression);
      } else {
        out_.group_by.push_back(item.expression);
      }
    }
    return {};
  }

  // By the largest parts of it that are neither the value nor a window.
  void group_by_columns_of(const SqlPtr& node) {
    if (!has_value(*node) && !has_window(node)) {
      if (has_column(*node)) out_.group_by.push_back(node);
      return;
    }
    for (const SqlPtr& part : sql_parts(*node)) group_by_columns_of(part);
  }

  Status replace_everywhere() {
    if (out_.where) {
      TRY(check_where());
      TRY_ASSIGN(out_.where, replaced(out_.where));
    }
    for (SelectItem& item : out_.items) {
      if (item.alias.empty() && is_value(*item.expression)) {
        item.alias = item.expression->name;
      }
      TRY_ASSIGN(item.expression, replaced(item.expression));
    }
    sees_aliases_ = true;
    for (SqlPtr& group : out_.group_by) {
      group = meant(group);
      if (has_value(*group)) {
        return sql_error(ErrorCode::kInvalid,
                         "the value of a KPI is no group: value", *group);
      }
      TRY_ASSIGN(group, replaced(group));
    }
    if (out_.having) {
      TRY_ASSIGN(out_.having, replaced(out_.having));
    }
    for (SortItem& item : out_.order_by) {
      if (find_alias(out_.items, *item.expression)) continue;
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

  static const SelectItem* find_alias(const std::vector<SelectItem>& items,
                                      const SqlExpression& e) {
    if (e.kind != Kind::kColumn || !e.qualifier.empty()) return nullptr;
    auto found =
        std::find_if(items.begin(), items.end(), [&](const SelectItem& item) {
          return !item.alias.empty() && same_letters(item.alias, e.name);
        });
    return found == items.end() ? nullptr : &*found;
  }

  // What a name that only the SELECT gives stands for; otherwise `node`.
  const SqlPtr& meant(const SqlPtr& node) const {
    if (!sees_aliases_ || is_value(*node) || is_column(node->name)) return node;
    const SelectItem* item = find_alias(in_.items, *node);
    return item ? item->expression : node;
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
    if (is_aggregate(*node)) return aggregated(node);
    TRY_ASSIGN(SqlPtr out, with_parts(*node, [this](const SqlPtr& part) {
                 return replaced(part);
               }));
    return node->over && is_measure(*node) ? summed(node, out) : out;
  }

  Result<SqlPtr> column(const SqlPtr& node) {
    if (is_value(*node)) return formula_;
    if (is_column(node->name)) return of_dataset(node);
    if (const SqlPtr& other = meant(node); other != node) {
      sees_aliases_ = false;
      auto out = replaced(other);
      sees_aliases_ = true;
      return out;
    }
    std::vector<std::string> known = table_.dimensions;
    known.insert(known.end(), {"__time", kValue});
    std::string near = nearest_name(node->name, known);
    const std::string written =
        is_of_table(*node) ? node->name : node->qualifier + '.' + node->name;
    return sql_error(ErrorCode::kInvalid,
                     "'" + written + "' isn't a dimension of kpi '" +
                         in_.from.table + "'; " +
                         (near.empty() ? "it has " + absl::StrJoin(known, ", ")
                                       : "did you mean '" + near + "'?"),
                     *node);
  }

  // The KPI's name as a qualifier is the FROM's there.
  SqlPtr of_dataset(const SqlPtr& node) const {
    if (!same_letters(node->qualifier, in_.from.table)) return node;
    auto out = std::make_shared<SqlExpression>(*node);
    out->qualifier = out_.from.alias;
    return out;
  }

  Status check_measured(const SqlExpression& call) const {
    bool of_value = call.arguments.size() == 1 && is_value(*call.arguments[0]);
    if (of_value) return {};
    return sql_error(ErrorCode::kInvalid, "expected MEASURE(value)", call);
  }

  Result<SqlPtr> aggregated(const SqlPtr& node) const {
    const bool measure = is_measure(*node);
    if (measure || has_value(*node)) {
      TRY(check_measured(*node));
    } else {
      return sql_error(
          ErrorCode::kInvalid,
          node->name + "() over the rows of a KPI; ask its dataset", *node);
    }
    if (node->filter) {
      return sql_error(ErrorCode::kInvalid,
                       "the value of kpi '" + in_.from.table +
                           "' takes no FILTER; write its condition in WHERE",
                       *node);
    }
    bool sum = node->name == "sum" && table_.amount;
    if ((!measure && !sum) || node->distinct) {
      return sql_error(ErrorCode::kInvalid,
                       "the value of kpi '" + in_.from.table + "' is no " +
                           node->name + " of parts; write MEASURE(value)",
                       *node);
    }
    return formula_;
  }

  // MEASURE(value) OVER (...): of an amount the sum of the rows' values.
  Result<SqlPtr> summed(const SqlPtr& measure, const SqlPtr& replaced) const {
    TRY(check_measured(*measure));
    if (!table_.amount) {
      return sql_error(ErrorCode::kInvalid,
                       "the value of kpi '" + in_.from.table +
                           "' over a window is none of its rows' values; "
                           "write AVG, MIN or MAX(value) OVER",
                       *measure);
    }
    auto out = std::make_shared<SqlExpression>(*replaced);
    out->name = "sum";
    return SqlPtr(std::move(out));
  }

  const SelectStatement& in_;
  const KpiTable& table_;
  SqlPtr formula_, where_;
  SelectStatement out_;
  bool sees_aliases_ = false;  // the clause that is being replaced
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
  // A cell is planned as a group of rows, and its value as their number.
  TRY_ASSIGN(
      SqlPtr formula,
      parse_sql_expression(table->by_cells ? "count(*)" : table->formula));
  SqlPtr where;
  if (!table->where.empty()) {
    TRY_ASSIGN(where, parse_sql_expression(table->where));
  }
  return KpiTableExpander(statement, *table, as_kpi_counts(formula),
                          std::move(where))
      .run();
}

}  // namespace freshet
