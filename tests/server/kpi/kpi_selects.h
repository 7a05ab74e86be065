// SELECTs over the tables of the fixture's KPIs.
#pragma once

#include <memory>
#include <string>

#include "server/kpi/kpi_tables.h"
#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {

struct KpiSelects {
  KpiFixture f;
  std::unique_ptr<Sql> sql;
  Limits limits;
  CancelFlag cancel;
  absl::TimeZone zone = absl::UTCTimeZone();

  KpiSelects() {
    sql = Sql::create(f.runner(),
                      kpi_tables(f.runner(), [this] { return f.model(); }));
  }
  Result<QueryResult> run(const std::string& text) {
    SqlRequest request;
    request.text = text;
    request.limits = limits;
    request.cancel = cancel;
    request.zone = zone;
    return sql->run(request);
  }
  // Rows as "a,b;c,d"; the message of an error.
  std::string rows(const std::string& text) {
    auto result = run(text);
    if (!result) return result.error().message;
    std::string out;
    for (const auto& row : result->rows) {
      if (!out.empty()) out += ';';
      for (size_t i = 0; i < row.size(); ++i) {
        out += (i ? "," : "") + row[i].to_text();
      }
    }
    return out;
  }
};

}  // namespace freshet
