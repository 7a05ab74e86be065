#include "server/kpi/shared_scans.h"

#include <algorithm>
#include <set>

#include "server/model/derived_cubes.h"
#include "server/query/accumulator.h"
#include "server/query/sharing_runner.h"

namespace freshet {
namespace {

using Function = Aggregate::Function;

std::set<std::string> dimensions_of(const Query& query) {
  std::vector<std::string> names;
  if (query.filter) collect_columns(*query.filter, names);
  for (const Query::Group& group : query.groups) {
    collect_columns(*group.expression, names);
  }
  std::set<std::string> out(names.begin(), names.end());
  out.erase(std::string(kTimeColumn));
  return out;
}

bool adds_doubles(const Aggregate& aggregate) {
  if (aggregate.function != Function::kSum) return false;
  auto type = aggregate_type(aggregate);
  return !type || type->type == ValueType::kDouble;
}

// What is kept of aggregates that are read from rows, the dearest first.
std::string kind_over_rows(const std::vector<Aggregate>& aggregates) {
  bool levels = false, all_values = false, distinct = false, doubles = false;
  for (const Aggregate& aggregate : aggregates) {
    switch (aggregate.function) {
      case Function::kLastPerKeySum:
        levels = true;
        break;
      case Function::kCountDistinct:
        distinct = true;
        break;
      case Function::kCount:
      case Function::kSum:
      case Function::kMin:
      case Function::kMax:
        doubles = doubles || adds_doubles(aggregate);
        break;
      default:
        all_values = true;
    }
  }
  std::string out = "rows";
  if (levels) out += " levels";
  if (all_values) out += " others";
  // A running total is kept of distinct values beside exact sums only.
  if (distinct) out += doubles ? " distinct, doubles" : " distinct";
  return out;
}

}  // namespace

std::string SharedScans::kind_of(const Query& query) const {
  std::string kind = kind_over_rows(query.aggregates);
  if (const DatasetModel* dataset = model_.dataset(query.dataset)) {
    const std::set<std::string> dimensions = dimensions_of(query);
    auto cube = std::find_if(
        dataset->cubes.begin(), dataset->cubes.end(), [&](const CubeSpec& c) {
          return cube_keeps(c, dimensions, query.aggregates);
        });
    if (cube != dataset->cubes.end()) kind = "cube " + cube->name;
  }
  // An exact answer says so, whoever was asked with it.
  const bool exact =
      std::none_of(query.aggregates.begin(), query.aggregates.end(),
                   [](const Aggregate& a) { return a.approximate(); });
  return exact ? kind : kind + " approximate";
}

std::string SharedScans::key_of(const Query& query) const {
  Query rest = query;
  rest.aggregates.clear();
  return kind_of(query) + '\n' + query_text(rest);
}

void SharedScans::foresee(const Query& query) {
  Scan& scan = scans_[key_of(query)];
  scan.shared = scan.members > 0;
  if (++scan.members == 1) {
    scan.query = query;
    scan.query.aggregates.clear();
  }
  for (const Aggregate& aggregate : query.aggregates) {
    std::vector<Aggregate>& all = scan.query.aggregates;
    if (!scan.places.try_emplace(aggregate_text(aggregate), all.size())
             .second) {
      continue;
    }
    all.push_back(aggregate);
    all.back().name = "u" + std::to_string(all.size());
  }
}

std::optional<SharedScans::Found> SharedScans::find(const Query& query,
                                                    const Run& run) {
  auto at = scans_.find(key_of(query));
  if (at == scans_.end() || !at->second.shared || at->second.failed) {
    return std::nullopt;
  }
  Scan& scan = at->second;
  Found out;
  for (const Aggregate& aggregate : query.aggregates) {
    auto place = scan.places.find(aggregate_text(aggregate));
    if (place == scan.places.end()) return std::nullopt;
    out.columns.push_back(query.groups.size() + place->second);
  }
  if (!scan.result) {
    auto result = run(scan.query);
    if (!result) {
      scan.failed = true;
      return std::nullopt;
    }
    scan.result = std::make_shared<QueryResult>(std::move(*result));
  }
  out.result = scan.result;
  if (--scan.members == 0) scans_.erase(at);
  return out;
}

}  // namespace freshet
