// parse_expression and parse_formula: SQL expressions without a relation.
#include <algorithm>
#include <optional>

#include "server/sql/aggregate_name.h"
#include "server/sql/formula_window.h"
#include "server/sql/parser.h"
#include "server/sql/sql.h"
#include "server/sql/translator.h"

namespace freshet {
namespace {

TranslationScope formula_scope(const LookupSource* lookups) {
  TranslationScope scope;
  scope.now = now();
  scope.lookups = lookups;
  return scope;
}

bool is_window_name(const std::string& name, size_t num_windows) {
  for (size_t i = 0; i < num_windows; ++i) {
    if (name == window_name(i)) return true;
  }
  return false;
}

bool is_kpi_name(const std::string& name) {
  return name.size() > 2 && name.front() == '[' && name.back() == ']';
}

// Outside of aggregates only windows and other KPIs have values.
Status check_value(const Expression& e, const Translator& translator,
                   size_t num_windows, std::vector<std::string>& kpis) {
  if (e.kind == Expression::Kind::kColumn && !translator.aggregate_of(e) &&
      !is_window_name(e.name, num_windows)) {
    if (!is_kpi_name(e.name)) {
      return Error{
          ErrorCode::kInvalid,
          "a column must be inside an aggregate, such as sum(): " + e.name,
          e.line, e.column};
    }
    std::string kpi = e.name.substr(1, e.name.size() - 2);
    if (std::find(kpis.begin(), kpis.end(), kpi) == kpis.end()) {
      kpis.push_back(std::move(kpi));
    }
  }
  for (const auto& argument : e.arguments) {
    TRY(check_value(*argument, translator, num_windows, kpis));
  }
  return {};
}

std::optional<FormulaWindow::Kind> window_kind(const std::string& function) {
  using Kind = FormulaWindow::Kind;
  static constexpr Kind kKinds[] = {Kind::kRolling, Kind::kToDate,
                                    Kind::kBefore,  Kind::kTimeAverage,
                                    Kind::kTimeMin, Kind::kTimeMax};
  for (size_t i = 0; i < std::size(kFormulaWindows); ++i) {
    if (function == kFormulaWindows[i]) return kKinds[i];
  }
  if (function == kSameStores) return Kind::kSameStores;
  return std::nullopt;
}

bool is_sum_of_first(const SqlExpression& node) {
  return node.kind == SqlExpression::Kind::kCall && node.name == "sum" &&
         node.arguments.size() == 1 &&
         node.arguments[0]->kind == SqlExpression::Kind::kCall &&
         node.arguments[0]->name == "first by";
}

// Takes a formula apart: windows become formulas of their own, with names that
// stand for them in the tree that is left.
class FormulaBuilder {
 public:
  explicit FormulaBuilder(const LookupSource* lookups) : lookups_(lookups) {}

  Result<Formula> build(const SqlPtr& node) {
    TRY_ASSIGN(SqlPtr outer, without_windows(node));
    Translator translator(formula_scope(lookups_));
    TRY_ASSIGN(out_.value, translator.over_aggregates(outer));
    TRY(check_value(*out_.value, translator, out_.windows.size(), out_.kpis));
    out_.aggregates = translator.aggregates();
    expand_averages();
    return std::move(out_);
  }

 private:
  Result<SqlPtr> without_windows(const SqlPtr& node) {
    if (node->kind == SqlExpression::Kind::kCall) {
      if (is_sum_of_first(*node)) return opening(*node);
      if (auto kind = window_kind(node->name)) return window(*kind, *node);
      if (is_aggregate_name(node->name)) {
        TRY(no_window_in(*node));
        return node;
      }
    }
    SqlPtr out = node;
    for (size_t i = 0; i < node->arguments.size(); ++i) {
      TRY_ASSIGN(SqlPtr argument, without_windows(node->arguments[i]));
      if (argument == node->arguments[i]) continue;
      auto changed = std::make_shared<SqlExpression>(*out);
      changed->arguments[i] = std::move(argument);
      out = std::move(changed);
    }
    return out;
  }

  static Status no_window_in(const SqlExpression& aggregate) {
    for (const SqlPtr& argument : aggregate.arguments) {
      if (window_kind(argument->name)) {
        return sql_error(ErrorCode::kInvalid,
                         argument->name +
                             "() stands around aggregates, not "
                             "inside " +
                             aggregate.name + "()",
                         *argument);
      }
    }
    return {};
  }

  Result<SqlPtr> window(FormulaWindow::Kind kind, const SqlExpression& node) {
    bool stores = kind == FormulaWindow::Kind::kSameStores;
    size_t count = node.arguments.size();
    bool plain = !node.star && !node.distinct && !node.filter;
    std::string form = node.name + (stores ? "(EXPR)" : "(EXPR, 7d)");
    if (!plain || count != (stores ? 1u : 2u)) {
      return sql_error(ErrorCode::kInvalid, "expected " + form, node);
    }
    FormulaWindow out;
    out.kind = kind;
    if (!stores) {
      const std::string* span = node.arguments[1]->literal.as_string();
      if (!span) {
        return sql_error(ErrorCode::kInvalid,
                         "expected " + form +
                             " with a span such as 7d or "
                             "month as the last argument",
                         *node.arguments[1]);
      }
      out.span = *span;
    }
    TRY_ASSIGN(out.inner, FormulaBuilder(lookups_).build(node.arguments[0]));
    return keep(std::move(out), node);
  }

  // sum(first(x by k)) is sum(last(x by k)) at the beginning.
  Result<SqlPtr> opening(const SqlExpression& node) {
    auto last = std::make_shared<SqlExpression>(*node.arguments[0]);
    last->name = "last by";
    auto sum = std::make_shared<SqlExpression>(node);
    sum->arguments[0] = std::move(last);
    FormulaWindow out;
    out.kind = FormulaWindow::Kind::kOpening;
    TRY_ASSIGN(out.inner, FormulaBuilder(lookups_).build(sum));
    return keep(std::move(out), node);
  }

  SqlPtr keep(FormulaWindow window, const SqlExpression& node) {
    auto name = std::make_shared<SqlExpression>();
    name->kind = SqlExpression::Kind::kColumn;
    name->name = window_name(out_.windows.size());
    name->line = node.line;
    name->column = node.column;
    out_.windows.push_back(std::move(window));
    return name;
  }

  // avg(x) as sum(x) / nullif(count(x), 0).
  void expand_averages() {
    size_t given = out_.aggregates.size();
    for (size_t i = 0; i < given; ++i) {
      if (out_.aggregates[i].function != Aggregate::Function::kAvg) continue;
      out_.aggregates[i].function = Aggregate::Function::kSum;
      Aggregate count = out_.aggregates[i];
      count.function = Aggregate::Function::kCount;
      count.name = "a" + std::to_string(out_.aggregates.size());
      ExpressionPtr divisor =
          call("nullif", {column(count.name), literal(Value(int64_t{0}))});
      ExpressionPtr average =
          call("/", {column(out_.aggregates[i].name), divisor});
      out_.value = replaced(out_.value, out_.aggregates[i].name, average);
      out_.aggregates.push_back(std::move(count));
    }
  }

  static ExpressionPtr replaced(const ExpressionPtr& in,
                                const std::string& name,
                                const ExpressionPtr& by) {
    if (in->kind == Expression::Kind::kColumn) {
      return in->name == name ? by : in;
    }
    if (in->arguments.empty()) return in;
    auto out = std::make_shared<Expression>(*in);
    for (ExpressionPtr& a : out->arguments) a = replaced(a, name, by);
    return out;
  }

  const LookupSource* const lookups_;
  Formula out_;
};

}  // namespace

std::string window_name(size_t i) { return "{w" + std::to_string(i) + "}"; }

Result<ExpressionPtr> parse_expression(std::string_view text,
                                       const LookupSource* lookups) {
  TRY_ASSIGN(SqlPtr node, parse_sql_expression(text));
  return Translator(formula_scope(lookups)).scalar(node);
}

Result<Formula> parse_formula(std::string_view text,
                              const LookupSource* lookups) {
  TRY_ASSIGN(SqlPtr node, parse_sql_expression(text));
  return FormulaBuilder(lookups).build(node);
}

}  // namespace freshet
