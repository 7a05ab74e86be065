// INFORMATION_SCHEMA and sys as rows, made anew for each query from the
// catalog and the KPIs that can be selected from. Columns and values: Druid
// documentation, "SQL metadata tables".
#pragma once

#include <string_view>

#include "server/query/runner.h"
#include "server/sql/sql.h"

namespace freshet {

// INFORMATION_SCHEMA.{SCHEMATA, TABLES, COLUMNS, ROUTINES} and
// sys.{segments, servers, supervisors, tasks, server_segments}; letters' case
// does not matter. kNotFound names the nearest table.
Result<QueryResult> metadata_table(const DatasetCatalog& catalog,
                                   const KpiTables& kpis,
                                   std::string_view schema,
                                   std::string_view table);

// java.sql.Types of a column, and SQL's name of its type.
struct SqlColumnType {
  const char* name;
  int jdbc;
};
SqlColumnType sql_column_type(ExpressionType type);

}  // namespace freshet
