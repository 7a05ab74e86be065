// POST /api/v1/datasets/{d}/validate: what would become of real events under a
// definition, before it is deployed.
#include "ingest/message_sample.h"
#include "ingest/sample_report.h"
#include "server/api/dataset_deployer.h"
#include "server/api/ingestion_sample.h"
#include "server/api/ingestion_service.h"
#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr size_t kMaxBody = size_t{16} << 20;

void write_faults(JsonWriter& out, const std::vector<ModelFault>& faults) {
  out.key("faults").begin_array();
  for (const ModelFault& fault : faults) {
    out.begin_object().field("file", std::string_view(fault.file));
    out.field("line", static_cast<int64_t>(fault.line));
    out.field("message", std::string_view(fault.message)).end_object();
  }
  out.end_array();
}

void write_fields(JsonWriter& out, const SampleReport& report) {
  out.key("fields").begin_array();
  for (const SampleReport::Field& field : report.fields) {
    out.begin_object().field("name", std::string_view(field.name));
    out.field("type", std::string_view(to_string(field.type)));
    if (!field.path.empty()) out.field("path", std::string_view(field.path));
    out.field("filled", field.filled).field("null", field.null);
    out.field("wrong", field.wrong);
    if (!field.example.empty()) {
      out.field("example", std::string_view(field.example));
    }
    if (!field.wrong_example.empty()) {
      out.field("wrong_example", std::string_view(field.wrong_example));
    }
    out.end_object();
  }
  out.end_array();
}

void write_report(JsonWriter& out, const SampleReport& report,
                  std::string_view from) {
  out.key("sample").begin_object().field("from", from);
  out.field("messages", report.messages).field("rows", report.rows);
  out.field("deletes", report.deletes).field("filtered", report.filtered);
  out.field("ignored", report.ignored);
  out.key("rejected").begin_object();
  for (const auto& [reason, count] : report.rejected) out.field(reason, count);
  out.end_object().key("errors").begin_array();
  for (const SampleReport::Fault& fault : report.faults) {
    out.begin_object();
    out.field("event", static_cast<uint64_t>(fault.message + 1));
    out.field("reason", std::string_view(fault.reason));
    out.field("message", std::string_view(fault.text)).end_object();
  }
  out.end_array();
  write_fields(out, report);
  out.end_object();
}

HttpResponse invalid_definition(const ModelLoad& load) {
  JsonWriter out;
  out.begin_object().field("valid", false);
  write_faults(out, load.faults);
  out.end_object();
  return json_response(out.take());
}

Result<std::string> try_sample(const Services& services,
                               const DatasetModel& dataset,
                               const SampleQuestion& question) {
  TRY_ASSIGN(MessageSample sample, take_sample(services, dataset, question));
  TRY_ASSIGN(SampleReport report, services.ingestion.report(dataset, sample));
  JsonWriter out;
  out.begin_object().field("valid", true);
  write_faults(out, {});
  write_report(out, report, question.events.empty() ? "source" : "events");
  out.end_object();
  return out.take();
}

HttpResponse answer(const Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("d");
  auto question = read_sample_question(request);
  if (!question) return error_response(question.error(), request.request_id);
  std::shared_ptr<const Model> model = services.model();
  if (!question->definition.empty()) {
    ModelLoad load = services.deployer.check(ModelPart::kDataset, name,
                                             question->definition);
    if (!load.model) return invalid_definition(load);
    model = load.model;
  }
  const DatasetModel* dataset = model->dataset(name);
  if (dataset == nullptr) {
    return error_response(
        {ErrorCode::kNotFound, "there is no dataset '" + name + "'"},
        request.request_id);
  }
  auto report = try_sample(services, *dataset, *question);
  if (!report) return error_response(report.error(), request.request_id);
  return json_response(std::move(*report));
}

}  // namespace

void add_validate_routes(Router& router, Services& services) {
  router.add(
      "POST", "/api/v1/datasets/{d}/validate", Access::kWrite,
      [&services](const HttpRequest& r) { return answer(services, r); },
      kMaxBody);
}

}  // namespace freshet
