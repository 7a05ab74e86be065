// bind_lookups: expressions that were made with the shape of a lookup read what
// the lookup holds now.
#include <fmt/core.h>

#include <algorithm>

#include "server/query/lookup_source.h"
#include "server/query/query.h"

namespace freshet {
namespace {

bool reads_lookup(const Expression& e) {
  return e.map != nullptr && !e.map->shape_of.empty();
}

// Calls `visit` with each expression of the query that is over its rows.
template <class AnyQuery, class Visit>
void each_expression(AnyQuery& query, Visit visit) {
  visit(query.filter);
  for (auto& group : query.groups) visit(group.expression);
  for (auto& aggregate : query.aggregates) {
    visit(aggregate.argument);
    visit(aggregate.filter);
    for (auto& key : aggregate.keys) visit(key);
  }
  visit(query.having);
  for (auto& output : query.select) visit(output.expression);
}

Result<std::shared_ptr<const ValueMap>> newest(const ValueMap& old,
                                               const LookupSource* source) {
  auto map = find_lookup(source, old.shape_of);
  if (!map) {
    return Error{ErrorCode::kUnavailable, map.error().message};
  }
  bool same =
      (*map)->type == old.type && (*map)->keys->type() == old.keys->type();
  if (same) return *map;
  return Error{
      ErrorCode::kUnavailable,
      fmt::format("the lookup is of another type now: {}", old.shape_of)};
}

}  // namespace

std::vector<std::string> LookupSnapshots::names() const {
  return source_ ? source_->names() : std::vector<std::string>();
}

std::shared_ptr<const LookupTable> LookupSnapshots::snapshot(
    std::string_view name) const {
  auto at = seen_.find(name);
  if (at != seen_.end()) return at->second;
  if (!source_) return nullptr;
  // Asked first: what is whole then is whole in the snapshot.
  Status ready = source_->ready(name);
  auto table = source_->snapshot(name);
  if (!table) return nullptr;
  if (!ready) missing_.push_back(ready.error().message);
  seen_.emplace(name, table);
  return table;
}

void LookupSnapshots::tell(Provenance& answer) const {
  for (const std::string& reason : missing_) {
    answer.complete = false;
    if (std::ranges::find(answer.served_by, reason) == answer.served_by.end()) {
      answer.served_by.push_back(reason);
    }
  }
}

bool uses_lookups(const ExpressionPtr& expression) {
  if (!expression) return false;
  return reads_lookup(*expression) ||
         std::ranges::any_of(expression->arguments, [](const auto& argument) {
           return uses_lookups(argument);
         });
}

void collect_lookups(const ExpressionPtr& expression,
                     std::set<std::string>& names) {
  if (!expression) return;
  if (reads_lookup(*expression)) {
    const std::string& column = expression->map->shape_of;
    names.insert(column.substr(0, column.rfind('.')));
  }
  for (const ExpressionPtr& argument : expression->arguments) {
    collect_lookups(argument, names);
  }
}

Result<ExpressionPtr> bind_lookups(const ExpressionPtr& expression,
                                   const LookupSource* source) {
  if (!uses_lookups(expression)) return expression;
  auto bound = std::make_shared<Expression>(*expression);
  if (reads_lookup(*bound)) {
    TRY_ASSIGN(bound->map, newest(*bound->map, source));
  }
  for (ExpressionPtr& argument : bound->arguments) {
    TRY_ASSIGN(argument, bind_lookups(argument, source));
  }
  return ExpressionPtr(std::move(bound));
}

bool uses_lookups(const Query& query) {
  bool any = false;
  each_expression(query, [&](const ExpressionPtr& expression) {
    any = any || uses_lookups(expression);
  });
  return any;
}

Status bind_lookups(Query& query, const LookupSource* source) {
  const LookupSnapshots view(source);
  Status status;
  each_expression(query, [&](ExpressionPtr& expression) {
    if (!status) return;
    auto bound = bind_lookups(expression, &view);
    if (bound) {
      expression = std::move(*bound);
    } else {
      status = bound.error();
    }
  });
  return status;
}

}  // namespace freshet
