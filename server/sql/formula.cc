// parse_expression and parse_formula: SQL expressions without a relation.
#include <algorithm>

#include "server/sql/parser.h"
#include "server/sql/sql.h"
#include "server/sql/translator.h"

namespace freshet {
namespace {

TranslationScope formula_scope() {
  TranslationScope scope;
  scope.now = now();
  return scope;
}

bool is_kpi_name(const std::string& name) {
  return name.size() > 2 && name.front() == '[' && name.back() == ']';
}

// Outside of aggregates only other KPIs have values.
Status check_value(const Expression& e, const Translator& translator,
                   std::vector<std::string>& kpis) {
  if (e.kind == Expression::Kind::kColumn && !translator.aggregate_of(e)) {
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
    TRY(check_value(*argument, translator, kpis));
  }
  return {};
}

}  // namespace

Result<ExpressionPtr> parse_expression(std::string_view text) {
  TRY_ASSIGN(SqlPtr node, parse_sql_expression(text));
  return Translator(formula_scope()).scalar(node);
}

Result<Formula> parse_formula(std::string_view text) {
  TRY_ASSIGN(SqlPtr node, parse_sql_expression(text));
  Translator translator(formula_scope());
  Formula out;
  TRY_ASSIGN(out.value, translator.over_aggregates(node));
  TRY(check_value(*out.value, translator, out.kpis));
  out.aggregates = translator.aggregates();
  return out;
}

}  // namespace freshet
