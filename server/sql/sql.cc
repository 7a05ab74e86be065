#include "server/sql/sql.h"

#include "server/sql/executor.h"

namespace freshet {
namespace {

class SqlEngine : public Sql {
 public:
  SqlEngine(Runner& runner, KpiTables kpis)
      : runner_(runner), kpis_(std::move(kpis)) {}

  Result<QueryResult> run(const SqlRequest& request) override {
    return Executor(runner_, kpis_, request).run();
  }

 private:
  Runner& runner_;
  const KpiTables kpis_;
};

}  // namespace

std::unique_ptr<Sql> Sql::create(Runner& runner, KpiTables kpis) {
  return std::make_unique<SqlEngine>(runner, std::move(kpis));
}

}  // namespace freshet
