// Reads libpg_query's JSON tree of a SELECT into our syntax tree. PostgreSQL
// folds unquoted names to lower case and cuts them at 63 bytes: names are
// taken from the tokens at the node's place instead.
#pragma once

#include <string_view>

#include "server/json/json_value.h"
#include "server/sql/rewrite.h"
#include "server/sql/syntax.h"

namespace freshet {

class TreeReader {
 public:
  // `sql` must outlive this.
  explicit TreeReader(const RewrittenSql& sql) : sql_(sql) {}

  // Not thread-safe. The content of a "SelectStmt". kUnsupported names what we
  // do not do.
  Result<SelectPtr> select(const JsonValue& node) const;

 private:
  using Arguments = std::vector<SqlPtr>;

  Status read_select_core(const JsonValue& node, SelectStatement& out) const;
  Status read_tail(const JsonValue& node, SelectStatement& out) const;
  Status read_with(const JsonValue& node, SelectStatement& out) const;
  Status read_parts(const JsonValue& node, SelectStatement& out) const;
  Status read_values(const JsonArray& lists, SelectStatement& out) const;
  Status read_items(const JsonValue& node, SelectStatement& out) const;
  Result<SelectItem> item(const JsonValue& target) const;
  Result<std::vector<SortItem>> sort_items(const JsonArray& list) const;
  Result<SortItem> sort_item(const JsonValue& node) const;

  // tree_reader_from.cc
  Result<FromItem> from_list(const JsonArray& list) const;
  Result<FromItem> from(const JsonValue& node) const;
  Result<FromItem> join(const JsonValue& node) const;
  Result<FromItem> table_function(const JsonValue& node) const;
  Status unnest(const SqlExpression& call, FromItem& out) const;
  Status append(const SqlExpression& call, FromItem& out) const;
  Status read_alias(const JsonValue& place, FromItem& out) const;

  // tree_reader_group.cc: GROUP BY and OVER
  using Sets = std::vector<std::vector<size_t>>;
  Status read_groups(const JsonValue& node, SelectStatement& out) const;
  Error too_many(const JsonValue& node, std::string what) const;
  Result<Sets> grouping_set(const JsonValue& node, SelectStatement& out) const;
  Result<std::vector<size_t>> group_keys(const JsonValue& node,
                                         SelectStatement& out) const;
  Result<std::shared_ptr<const SqlWindow>> window(const JsonValue& node) const;
  Result<WindowFrame> frame(const JsonValue& node) const;
  Status read_frame_offset(const JsonValue& node, const char* name,
                           WindowFrame::Unit unit,
                           WindowFrame::Bound& out) const;

  // A node: an object with one member, named by its kind.
  Result<SqlPtr> expression(const JsonValue& node) const;
  Result<Arguments> list(const JsonValue* array) const;
  Result<SqlPtr> operation(const JsonValue& node) const;
  Result<SqlPtr> like(const JsonValue& node, SqlExpression made) const;
  Result<SqlPtr> function(const JsonValue& node) const;
  Result<SqlPtr> constant(const JsonValue& node) const;
  Result<SqlPtr> column(const JsonValue& node) const;
  Result<SqlPtr> cast(const JsonValue& node) const;
  Result<SqlPtr> case_of(const JsonValue& node) const;
  Result<SqlPtr> connective(const JsonValue& node) const;
  Result<SqlPtr> test(const JsonValue& node, std::string_view kind_key) const;
  Result<SqlPtr> time_value(const JsonValue& node) const;
  Result<SqlPtr> variadic(const JsonValue& node, std::string name) const;

  // tree_reader_membership.cc: rows and arrays are calls of "row" and "array".
  Result<SqlPtr> in_or_between(const JsonValue& node, SqlExpression made) const;
  Result<SqlPtr> row_in(const SqlExpression& made, const Arguments& args) const;
  SqlPtr any_row(const SqlExpression& made, const Arguments& subject,
                 const std::vector<Arguments>& rows, size_t member) const;
  Result<SqlPtr> rows_equal(SqlExpression made, std::string_view op,
                            const Arguments& args) const;
  Result<SqlPtr> row(const JsonValue& node) const;
  Result<SqlPtr> array(const JsonValue& node) const;
  Result<SqlPtr> with_elements(SqlExpression made, const std::string& op,
                               const Arguments& args, bool all) const;
  Result<SqlPtr> sublink(const JsonValue& node) const;

  // An expression with the place of `node` filled in.
  SqlExpression at(const JsonValue& node, SqlExpression::Kind kind) const;
  SqlPtr call_of(SqlExpression made, std::string name, Arguments args) const;
  Error unsupported(const JsonValue& node, std::string what) const;
  // Identifiers written a.b.c at the node's place.
  std::vector<std::string> names_at(const JsonValue& node) const;
  // The number written at the node's place, with its sign.
  std::string number_at(const JsonValue& node) const;
  // The first name of the text that PostgreSQL folds to `folded`, as written.
  std::string spelling(std::string_view folded) const;
  // The spelling of the alias `folded` that ends an item.
  std::string alias_spelling(const JsonValue& target,
                             std::string_view folded) const;

  const RewrittenSql& sql_;
  // The WINDOW clause of the SELECT that is read.
  mutable const JsonArray* windows_ = nullptr;
};

}  // namespace freshet
