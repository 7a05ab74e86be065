#include "server/sql/sql.h"

#include "server/sql/executor.h"
#include "server/sql/parser.h"

namespace freshet {
namespace {

class SqlEngine : public Sql {
 public:
  explicit SqlEngine(Runner& runner) : runner_(runner) {}

  Result<QueryResult> run(const SqlRequest& request) override {
    TRY_ASSIGN(ParsedSql parsed, parse_sql(request.text));
    Executor executor(runner_, request);
    return parsed.explain ? executor.explain(*parsed.select)
                          : executor.run(*parsed.select);
  }

 private:
  Runner& runner_;
};

}  // namespace

std::unique_ptr<Sql> Sql::create(Runner& runner) {
  return std::make_unique<SqlEngine>(runner);
}

}  // namespace freshet
