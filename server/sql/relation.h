// Relation: what a FROM names. Either a dataset of the catalog, or rows that
// were computed (a sub-query, a metadata table), kept as one live segment so
// that the same engine answers over them.
#pragma once

#include <string>
#include <vector>

#include "server/query/query_control.h"
#include "server/sql/translator.h"

namespace freshet {

class LookupTable;

struct Relation {
  std::string dataset;  // name in the catalog; empty: computed rows
  // Of a KPI that no SELECT over rows gives: each group is a cell of it, and
  // every aggregate its value there.
  std::string kpi;
  DatasetSnapshot data;
  std::vector<VisibleColumn> columns;         // in the order of SELECT *
  ExpressionPtr filter;                       // of its rows, or null
  std::shared_ptr<const LookupTable> lookup;  // if it is one's rows
  std::string name, alias;                    // what a qualifier may be
};

Relation dataset_relation(std::string name, DatasetSnapshot data);

// `result` as a relation. Columns that are no usable `__time` get a hidden
// one, since every segment has it; decimals beyond 64 bits are kept as two
// columns. Fails as `control`, if given, does.
Result<Relation> relation_of_rows(QueryResult result,
                                  const QueryControl* control = nullptr);

// One row without columns: SELECT 1.
Relation unit_relation();

}  // namespace freshet
