// FROM: datasets, lookups, metadata tables, WITH queries, sub-queries, joins.
#include <fmt/core.h>

#include <algorithm>

#include "server/json/json_value.h"
#include "server/json/json_writer.h"
#include "server/query/lookup_source.h"
#include "server/sql/derived_table.h"
#include "server/sql/executor.h"
#include "server/sql/joiner.h"
#include "server/sql/kpi_table.h"
#include "server/sql/letters.h"

namespace freshet {
namespace {

Error from_error(const FromItem& from, std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message), from.line, from.column};
}

Error unknown_table(const FromItem& from,
                    const std::vector<std::string>& known) {
  std::string near = nearest_name(from.table, known);
  return from_error(
      from,
      fmt::format("unknown table{}: {}",
                  near.empty() ? "" : fmt::format(" (did you mean {}?)", near),
                  from.table));
}

// t AS x (a, b): names of the first columns.
Status rename_columns(const std::vector<std::string>& names,
                      const FromItem& place, Relation& out) {
  if (names.size() > out.columns.size()) {
    return from_error(place, fmt::format("{} names for {} columns",
                                         names.size(), out.columns.size()));
  }
  for (size_t i = 0; i < names.size(); ++i) out.columns[i].name = names[i];
  return {};
}

}  // namespace

Result<Relation> Executor::find_relation(SelectStatement& statement) {
  if (statement.from.kind == FromItem::Kind::kJoin) return join(statement);
  const FromItem& from = statement.from;
  if (from.kind == FromItem::Kind::kAppend && from.column_names.empty()) {
    return appended(from, &statement);
  }
  return find_one(from);
}

Result<Relation> Executor::join(SelectStatement& statement) {
  JoinContext context{
      .find = [this](const FromItem& from) { return find_one(from); },
      .run =
          [this](const SelectStatement& s, const Relation& relation) {
            ++needed_;
            auto result = run_over(s, relation);
            --needed_;
            return result;
          },
      .scope = [this] { return scope(); },
      .told =
          [this](std::string_view how, const std::string& table,
                 uint64_t rows) {
            JsonWriter step;
            step.begin_object().field("queryType", "join");
            step.field("how", how).field("table", std::string_view(table));
            step.field("rows", rows).end_object();
            tell(step.take());
          },
      .control = control_};
  return join_relation(statement, context);
}

Result<Relation> Executor::computed(const SelectStatement& statement,
                                    const FromItem& from) {
  TRY_ASSIGN(std::optional<Relation> found, mapped(statement));
  if (!found) {
    ++needed_;  // what is over it is planned by its rows
    auto rows = run_select(statement);
    --needed_;
    TRY(rows);
    TRY(hold(*rows));
    TRY_ASSIGN(found, relation_of_rows(std::move(*rows), &control_));
  }
  Relation& relation = *found;
  relation.name = from.table;
  relation.alias = from.alias;
  return std::move(relation);
}

// What is over a statement that only maps rows reads those rows itself: they
// are not kept, and conditions on them find indexes and cubes.
Result<std::optional<Relation>> Executor::mapped(
    const SelectStatement& statement) {
  if (!only_maps(statement) || is_kpi_table(statement.from) ||
      depth_ >= kMostStatementDepth) {
    return std::optional<Relation>();
  }
  SelectStatement own = statement;  // a join takes conditions out of it
  ++depth_;
  auto relation = find_relation(own);
  --depth_;
  TRY(relation);
  TRY_ASSIGN(PlannedQuery plan, plan_select(own, *relation, scope()));
  return std::optional(mapped_relation(std::move(*relation), std::move(plan)));
}

Result<Relation> Executor::find_one(const FromItem& from) {
  if (from.kind == FromItem::Kind::kNothing) return unit_relation();
  Relation out;
  bool found = false;
  if (from.kind == FromItem::Kind::kSubquery) {
    TRY_ASSIGN(out, computed(*from.subquery, from));
    found = true;
  } else if (from.kind == FromItem::Kind::kAppend) {
    TRY_ASSIGN(out, appended(from, nullptr));
    found = true;
  } else if (from.schema.empty()) {
    TRY_ASSIGN(out, find_named(from, found));
  }
  if (!found) {
    TRY_ASSIGN(out, find_table(from));
  }
  TRY(rename_columns(from.column_names, from, out));
  return out;
}

Result<Relation> Executor::find_named(const FromItem& from, bool& found) {
  for (size_t i = named_.size(); i-- > 0;) {
    if (!same_letters(named_[i].table.name, from.table)) continue;
    found = true;
    if (!named_[i].rows) {
      // A WITH query sees those before it, not itself.
      Named later(named_.begin() + static_cast<ptrdiff_t>(i), named_.end());
      named_.resize(i);
      auto relation = computed(*later[0].table.select, from);
      named_.insert(named_.end(), later.begin(), later.end());
      if (!relation) return relation;
      TRY(rename_columns(later[0].table.column_names, from, *relation));
      named_[i].rows = std::make_shared<const Relation>(std::move(*relation));
    }
    Relation out = *named_[i].rows;
    out.name = from.table;
    out.alias = from.alias;
    return out;
  }
  return Relation();
}

Result<Relation> Executor::find_table(const FromItem& from) {
  if (same_letters(from.schema, "information_schema") ||
      same_letters(from.schema, "sys")) {
    auto rows =
        metadata_table(runner_.catalog(), kpis_, from.schema, from.table);
    if (!rows) return from_error(from, rows.error().message);
    TRY_ASSIGN(Relation relation, relation_of_rows(std::move(*rows)));
    relation.name = from.table;
    relation.alias = from.alias;
    return relation;
  }
  if (same_letters(from.schema, "lookup")) return find_lookup_table(from);
  if (is_kpi_table(from)) {
    return from_error(
        from,
        fmt::format("the table of a KPI is joined as a sub-query: (SELECT "
                    "..., value FROM kpi.{})",
                    from.table));
  }
  if (!from.schema.empty() && !same_letters(from.schema, "druid")) {
    return from_error(from, fmt::format("unknown schema: {}", from.schema));
  }
  return find_dataset(from);
}

Result<Relation> Executor::find_lookup_table(const FromItem& from) {
  std::vector<std::string> names = lookups_.names();
  std::shared_ptr<const LookupTable> table;
  for (const std::string& name : names) {
    if (!table && same_letters(name, from.table)) {
      table = lookups_.snapshot(name);
    }
  }
  if (!table) return unknown_table(from, names);
  TRY_ASSIGN(Relation relation, relation_of_rows(table->rows()));
  for (size_t c = table->num_named(); c < relation.columns.size(); ++c) {
    relation.columns[c].by_name = true;
  }
  relation.name = from.table;
  relation.alias = from.alias;
  relation.lookup = std::move(table);
  resources_.emplace("LOOKUP", relation.lookup->name());
  return relation;
}

std::optional<DatasetSnapshot> Executor::snapshot_of(const std::string& name) {
  auto seen = snapshots_.find(name);
  if (seen != snapshots_.end()) return seen->second;
  auto data = runner_.catalog().snapshot(name);
  if (data && !reads_once_) data->timeline = frozen(*data->timeline);
  if (data) snapshots_.emplace(name, *data);
  return data;
}

Result<Relation> Executor::find_dataset(const FromItem& from) {
  std::vector<std::string> names = runner_.catalog().names();
  auto exact = std::find(names.begin(), names.end(), from.table);
  if (exact == names.end()) {
    exact = std::find_if(names.begin(), names.end(), [&](const auto& name) {
      return same_letters(name, from.table);
    });
  }
  std::optional<DatasetSnapshot> data;
  if (exact != names.end()) data = snapshot_of(*exact);
  if (!data) {
    for (const NamedTable& named : named_) names.push_back(named.table.name);
    return unknown_table(from, names);
  }
  Relation relation = dataset_relation(*exact, std::move(*data));
  relation.alias = from.alias;
  relation.kpi = from.kpi;
  resources_.emplace("DATASOURCE", *exact);
  return relation;
}

}  // namespace freshet
