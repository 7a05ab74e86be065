#include "server/sql/parser.h"

#include <fmt/core.h>
#include <pg_query.h>

#include <string>

#include "server/json/json_value.h"
#include "server/sql/rewrite.h"
#include "server/sql/tree_reader.h"

namespace freshet {
namespace {

// Each token makes at most about eight levels of JSON; see check_nesting.
constexpr int kMaxTreeDepth = 3500;

// PostgreSQL counts characters from 1; we count bytes from 0.
size_t byte_of_character(std::string_view text, int character) {
  size_t at = 0;
  for (int c = 1; c < character && at < text.size(); ++c) {
    ++at;
    while (at < text.size() &&
           (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) {
      ++at;
    }
  }
  return at;
}

class ParseOutcome {
 public:
  explicit ParseOutcome(const std::string& sql)
      : result_(pg_query_parse(sql.c_str())) {}
  ~ParseOutcome() { pg_query_free_parse_result(result_); }
  ParseOutcome(const ParseOutcome&) = delete;
  ParseOutcome& operator=(const ParseOutcome&) = delete;
  const PgQueryError* error() const { return result_.error; }
  std::string_view tree() const {
    return result_.parse_tree == nullptr ? "" : result_.parse_tree;
  }

 private:
  PgQueryParseResult result_;
};

Result<JsonValue> postgres_tree(const RewrittenSql& sql) {
  ParseOutcome outcome(sql.text);
  if (const PgQueryError* error = outcome.error()) {
    size_t at = byte_of_character(sql.text, error->cursorpos);
    return error_at(ErrorCode::kInvalid, error->message, sql.original,
                    sql.original_offset(at));
  }
  auto tree = parse_json(outcome.tree(), kMaxTreeDepth);
  if (!tree) return invalid("the SQL text is not valid UTF-8");
  return tree;
}

Error empty_text(const RewrittenSql& sql) {
  return error_at(ErrorCode::kInvalid, "the SQL text is empty", sql.original,
                  sql.original.size());
}

Result<SelectPtr> parse_one(const RewrittenSql& sql) {
  if (sql.tokens.empty()) return empty_text(sql);
  TRY_ASSIGN(JsonValue tree, postgres_tree(sql));
  const JsonValue* list = tree.find("stmts");
  const JsonArray* statements = list ? list->as_array() : nullptr;
  if (statements == nullptr || statements->empty()) return empty_text(sql);
  if (statements->size() > 1) {
    const JsonValue* second = (*statements)[1].find("stmt_location");
    size_t at =
        second && second->as_int() ? static_cast<size_t>(*second->as_int()) : 0;
    return error_at(ErrorCode::kInvalid,
                    fmt::format("one statement at a time, please: there are {}",
                                statements->size()),
                    sql.original, sql.original_offset(at + 1));
  }
  const JsonValue* statement = (*statements)[0].find("stmt");
  const JsonValue* select =
      statement == nullptr ? nullptr : statement->find("SelectStmt");
  if (select == nullptr) {
    return error_at(ErrorCode::kUnsupported,
                    "only SELECT and EXPLAIN are supported", sql.original, 0);
  }
  return TreeReader(sql).select(*select);
}

Status check_bytes(std::string_view text, const Limits& limits) {
  if (text.size() <= limits.max_statement_bytes) return {};
  return limit_error(
      limits, &Limits::max_statement_bytes,
      fmt::format("the statement has {} bytes, more", text.size()),
      "ask in parts");
}

// Before anything is built: a constant costs the parser about a kilobyte.
Status check_tokens(const RewrittenSql& sql, const Limits& limits) {
  size_t values = 0;
  for (const Token& token : sql.tokens) {
    values += token.kind == Token::Kind::kNumber ||
              token.kind == Token::Kind::kString;
  }
  if (values > limits.max_statement_values) {
    return limit_error(
        limits, &Limits::max_statement_values,
        fmt::format("the statement has {} constants, more", values),
        "ask in parts");
  }
  // An operator or name at most costs what a constant does.
  size_t others = sql.tokens.size() - values;
  uint64_t most = 2 * limits.max_statement_values + limits.max_statement_nodes;
  if (others <= most * 2) return {};
  return limit_error(
      limits, &Limits::max_statement_nodes,
      fmt::format("the statement has {} names and symbols, far more", others),
      "ask in parts");
}

}  // namespace

Result<ParsedSql> parse_sql(std::string_view text, const Limits& limits) {
  TRY(check_bytes(text, limits));
  TRY_ASSIGN(RewrittenSql sql, rewrite(text, SqlDialect::kQuery));
  TRY(check_tokens(sql, limits));
  TRY_ASSIGN(SelectPtr select, parse_one(sql));
  return ParsedSql{std::move(select), sql.explain, std::move(sql.settings)};
}

Result<SqlPtr> parse_sql_expression(std::string_view text, SqlDialect dialect) {
  TRY(check_bytes(text, {}));
  TRY_ASSIGN(RewrittenSql sql, rewrite(text, dialect));
  TRY(check_tokens(sql, {}));
  if (sql.tokens.empty()) return invalid("the expression is empty");
  TRY_ASSIGN(SelectPtr select, parse_one(sql));
  bool alone = select->items.size() == 1 && select->items[0].alias.empty() &&
               select->values.empty() &&
               select->from.kind == FromItem::Kind::kNothing &&
               !select->where && select->group_by.empty() && !select->having &&
               select->order_by.empty() && !select->limit && !select->offset &&
               !select->distinct &&
               select->items[0].expression->kind != SqlExpression::Kind::kStar;
  if (!alone) {
    return error_at(ErrorCode::kInvalid, "not a single expression", text, 0);
  }
  return select->items[0].expression;
}

}  // namespace freshet
