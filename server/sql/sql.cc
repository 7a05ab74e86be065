#include "server/sql/sql.h"

#include "server/sql/executor.h"

namespace freshet {
namespace {

class SqlEngine : public Sql {
 public:
  explicit SqlEngine(Runner& runner) : runner_(runner) {}

  Result<QueryResult> run(const SqlRequest& request) override {
    return Executor(runner_, request).run();
  }

 private:
  Runner& runner_;
};

}  // namespace

std::unique_ptr<Sql> Sql::create(Runner& runner) {
  return std::make_unique<SqlEngine>(runner);
}

}  // namespace freshet
