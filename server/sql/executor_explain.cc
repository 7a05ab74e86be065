// Runs a query or, for EXPLAIN, tells how it would be run.
#include "server/json/json_writer.h"
#include "server/query/explanation.h"
#include "server/sql/executor.h"
#include "server/sql/plan_text.h"

namespace freshet {
namespace {

uint64_t bytes_of(const QueryResult& result) {
  uint64_t bytes = 0;
  for (const auto& row : result.rows) {
    bytes += row.size() * sizeof(Value);
    for (const Value& value : row) {
      if (const std::string* text = value.as_string()) bytes += text->size();
    }
  }
  return bytes;
}

void write_texts(JsonWriter& out, const char* name,
                 const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out.key(name).begin_array();
  for (const std::string& text : texts) out.value(std::string_view(text));
  out.end_array();
}

void write_segments(JsonWriter& out, const QueryExplanation& explanation) {
  out.key("segments").begin_array();
  for (const SegmentExplanation& s : explanation.segments) {
    out.begin_object().field("id", std::string_view(s.id));
    out.field("state", s.sealed ? "sealed" : "live").field("rows", s.rows);
    out.field("reads", std::string_view(s.reads)).field("blocks", s.blocks);
    write_texts(out, "tests", s.tests);
    write_texts(out, "whyNot", s.why_not);
    out.end_object();
  }
  out.end_array().field("segmentsOutside", explanation.outside);
}

void write_work(JsonWriter& out, const QueryResult& result) {
  const Provenance& p = result.provenance;
  out.field("rows", static_cast<uint64_t>(result.rows.size()));
  out.field("bytes", bytes_of(result));
  out.field("rowsScanned", p.rows_scanned);
  out.field("rowsMatched", p.rows_matched);
  out.field("segmentsRead", p.segments);
  write_texts(out, "servedBy", p.served_by);
  out.field("elapsedMs", p.elapsed_ms);
}

// `object`, a JSON object, with the members of `more`, another.
std::string joined(std::string object, const std::string& more) {
  object.back() = ',';
  return object + more.substr(1);
}

}  // namespace

void Executor::tell(std::string step) {
  if (explain_ != Explain::kNone) steps_.push_back(std::move(step));
}

Result<QueryResult> Executor::run_query(const PlannedQuery& planned,
                                        const Relation& relation) {
  const Query& query = planned.query;
  const bool data = !relation.dataset.empty();
  const bool plan_only = explain_ == Explain::kPlan && needed_ == 0;
  auto run = [&]() -> Result<QueryResult> {
    if (!plan_only && data && reads_once_) {
      return runner_.run(query, request_.cancel);
    }
    if (!plan_only)
      return runner_.run_on(query, relation.data, request_.cancel);
    TRY_ASSIGN(QueryPlan plan, QueryPlan::create(query, *relation.data.schema));
    QueryResult empty;
    empty.columns = plan.outputs;
    return empty;
  };
  if (explain_ == Explain::kNone) return run();
  JsonWriter out;
  out.begin_object();
  if (data) {
    TRY_ASSIGN(QueryExplanation explanation,
               runner_.explain(query, relation.data, request_.cancel));
    write_segments(out, explanation);
  }
  TRY_ASSIGN(QueryResult result, run());
  if (!plan_only) write_work(out, result);
  out.end_object();
  tell(out.text() == "{}" ? plan_text(planned)
                          : joined(plan_text(planned), out.text()));
  return result;
}

QueryResult Executor::explanation() const {
  QueryResult out;
  for (const char* name : {"PLAN", "RESOURCES", "ATTRIBUTES"}) {
    out.columns.push_back({name, {ValueType::kString}});
  }
  std::string plan = "[";
  for (const std::string& step : steps_) {
    plan += (plan.size() > 1 ? "," : "") + step;
  }
  JsonWriter resources;
  resources.begin_array();
  for (const auto& [type, name] : resources_) {
    resources.begin_object().field("name", std::string_view(name));
    resources.field("type", std::string_view(type)).end_object();
  }
  resources.end_array();
  out.rows.push_back({Value(plan + "]"), Value(resources.take()),
                      Value(R"({"statementType":"SELECT"})")});
  return out;
}

}  // namespace freshet
