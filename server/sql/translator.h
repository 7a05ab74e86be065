// Syntax tree -> Expression: names found in the relation, Druid's functions
// turned into the engine's, aggregates pulled out. One per SELECT; one thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/query/query.h"
#include "server/query/runner.h"
#include "server/sql/syntax.h"

namespace freshet {

class LookupSource;
class QueryControl;

// A column as SQL sees it: `name` in the text, `physical` in the data.
struct VisibleColumn {
  std::string name;
  std::string physical;
  std::string qualifier;   // of a join's table; empty: any that fits
  ExpressionPtr computed;  // in place of `physical`
  bool merged = false;     // by USING into another: found by qualifier only
  bool by_name = false;    // not in SELECT *
};

struct TranslationScope {
  // Null: names stay as written (formulas, filters of the model).
  const std::vector<VisibleColumn>* columns = nullptr;
  std::string table, alias;     // what a qualifier may be, if `columns`
  bool rows_have_time = false;  // a dataset's own, also where it is no column
  const std::vector<Value>* parameters = nullptr;
  absl::TimeZone zone = absl::UTCTimeZone();
  Timestamp now;  // CURRENT_TIMESTAMP, one per statement
  Limits limits;  // max_statement_nodes
  const LookupSource* lookups = nullptr;  // LOOKUP
  bool approximate_distinct = false;      // COUNT(DISTINCT x)
  const QueryControl* control = nullptr;  // of what takes long
  // Runs an uncorrelated sub-query; empty where there are none.
  std::function<Result<QueryResult>(const SelectStatement&)> run;
};

// Whether the tree has an aggregate outside of sub-queries.
bool has_aggregate(const SqlExpression& expression);
// `what` at the place of `node`.
Error sql_error(ErrorCode code, std::string what, const SqlExpression& node);
// kInvalid unless the call has from `least` to `most` arguments.
Status check_arguments(const SqlExpression& call, size_t least, size_t most);
// The column a name means: exact spelling first, then by letters. Null if
// none; kInvalid if several tables have it.
Result<const VisibleColumn*> find_visible(
    const std::vector<VisibleColumn>& columns, const SqlExpression& node);
// Whether a bare name or `qualifier.name` can be of this column's table.
bool qualifies(const VisibleColumn& column, const SqlExpression& node);
// Conditions joined by AND at the top of `where`; none for null.
void split_tests(const SqlPtr& where, std::vector<SqlPtr>& out);
// Their AND; null for none.
SqlPtr join_tests(std::vector<SqlPtr> tests);

class Translator {
 public:
  explicit Translator(TranslationScope scope) : scope_(std::move(scope)) {}

  // An aggregate in it is an error.
  Result<ExpressionPtr> scalar(const SqlPtr& node);
  // Each aggregate becomes a placeholder, see aggregate_of; equal ones share.
  Result<ExpressionPtr> over_aggregates(const SqlPtr& node);

  // Names that stand for other expressions outside of aggregates: the aliases
  // of the select list, for ORDER BY and HAVING.
  void set_aliases(std::vector<SelectItem> aliases) {
    aliases_ = std::move(aliases);
  }
  // The item a bare name means by alias, or null.
  const SelectItem* find_alias(const SqlExpression& node) const;

  // Position in aggregates() of a placeholder; nothing for other nodes.
  std::optional<size_t> aggregate_of(const Expression& node) const;
  const std::vector<Aggregate>& aggregates() const { return aggregates_; }
  const TranslationScope& scope() const { return scope_; }
  bool has_column(const SqlExpression& node) const;

 private:
  using Arguments = std::vector<ExpressionPtr>;

  Result<ExpressionPtr> translate(const SqlExpression& node);
  Status count_node(const SqlExpression& node, size_t nodes = 1);
  Result<ExpressionPtr> translate_column(const SqlExpression& node);
  Result<ExpressionPtr> translate_call(const SqlExpression& node);
  Result<ExpressionPtr> translate_tests(const SqlExpression& node);
  Result<ExpressionPtr> translate_cast(const SqlExpression& node);
  // translator_subquery.cc
  Result<ExpressionPtr> translate_subquery(const SqlExpression& node);
  Result<ExpressionPtr> single_value(const SqlExpression& node);
  Result<ExpressionPtr> membership(const SqlExpression& node);
  Result<ExpressionPtr> exists(const SqlExpression& node);
  Result<ExpressionPtr> row_membership(const SqlExpression& node,
                                       const QueryResult& rows);
  Result<ExpressionPtr> member_of(const SqlExpression& node, ExpressionPtr key,
                                  QueryResult rows);
  bool is_outer(const SqlExpression& node, const FromItem& inner) const;

  // translator_array.cc: null Result value if `node` is none of these.
  Result<ExpressionPtr> translate_array(const SqlExpression& node);
  Result<ExpressionPtr> element_of(const SqlExpression& node,
                                   const SqlExpression& value,
                                   const SqlExpression& array);
  // translator_sketch.cc: the same.
  Result<ExpressionPtr> translate_sketch(const SqlExpression& node);

  // translator_function.cc: null Result value if `node` is none of these.
  Result<ExpressionPtr> translate_special(const SqlExpression& node);
  Result<ExpressionPtr> lookup_of(const SqlExpression& node);
  Result<ExpressionPtr> within_interval(const SqlExpression& node);
  Result<ExpressionPtr> logarithm_of(const SqlExpression& node);
  Result<Arguments> translate_all(const SqlExpression& node, size_t from = 0);

  // translator_time.cc: null Result value if `node` is no time function.
  Result<ExpressionPtr> translate_time(const SqlExpression& node);
  Result<ExpressionPtr> time_floor_of(const SqlExpression& node);
  Result<ExpressionPtr> time_parse_of(const SqlExpression& node);
  Result<ExpressionPtr> time_format_of(const SqlExpression& node);
  Result<ExpressionPtr> extract_of(const SqlExpression& node, size_t unit,
                                   size_t time);
  Result<ExpressionPtr> extracted(const SqlExpression& node,
                                  const std::string& field, size_t time);
  Result<ExpressionPtr> add_units(const SqlExpression& node);
  Result<ExpressionPtr> difference_of(const SqlExpression& node);

  // translator_interval.cc
  struct SpanPart {
    TimeSpan span;
    ExpressionPtr count;  // how often; null: once
  };
  // The parts whose sum an interval is.
  Result<std::vector<SpanPart>> span_parts(const SqlExpression& node);
  Status multiply(const SqlExpression& node, const ExpressionPtr& factor,
                  std::vector<SpanPart>& parts);
  Result<ExpressionPtr> plus_interval(const SqlExpression& node);
  Result<ExpressionPtr> time_shift_of(const SqlExpression& node);
  Result<ExpressionPtr> shift_in(const SqlExpression& node, absl::TimeZone zone,
                                 ExpressionPtr time, TimeSpan span,
                                 ExpressionPtr count);
  Result<ExpressionPtr> shifted(const SqlExpression& node, ExpressionPtr time,
                                TimeSpan span, ExpressionPtr count,
                                bool negative);
  Result<absl::TimeZone> zone_argument(const SqlExpression& node, size_t i);
  Result<std::string> text_argument(const SqlExpression& node, size_t i);

  // translator_aggregate.cc
  Result<ExpressionPtr> translate_aggregate(const SqlExpression& node);
  Result<Aggregate> aggregate(const SqlExpression& node);
  Result<ExpressionPtr> time_of_rows(const SqlExpression& node);
  Result<Aggregate> last_per_key(const SqlExpression& node);
  Result<double> fraction_argument(const SqlExpression& node, size_t i);
  ExpressionPtr share(Aggregate aggregate, const SqlExpression& node);

  std::shared_ptr<Expression> made(const SqlExpression& node,
                                   Expression::Kind kind) const;
  ExpressionPtr made_call(const SqlExpression& node, std::string name,
                          Arguments arguments) const;
  ExpressionPtr made_literal(const SqlExpression& node, Value value) const;
  ExpressionPtr made_cast(const SqlExpression& node, ExpressionPtr argument,
                          ExpressionType type) const;
  ExpressionPtr floored(const SqlExpression& node, ExpressionPtr time,
                        Granularity granularity) const;

  TranslationScope scope_;
  std::vector<SelectItem> aliases_;
  std::vector<Aggregate> aggregates_;
  std::unordered_map<const Expression*, size_t> placeholders_;
  std::vector<ExpressionPtr> kept_;  // keeps the placeholders' addresses
  bool allow_aggregates_ = false;
  int alias_depth_ = 0;  // aliases being replaced
  size_t nodes_ = 0;     // translated so far; bounds the work
};

}  // namespace freshet
