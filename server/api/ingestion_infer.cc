// POST /api/v1/datasets/{d}/infer: what columns real events have, for a first
// definition. Changes nothing.
#include "ingest/schema_inference.h"
#include "server/api/dataset_deployer.h"
#include "server/api/ingestion_sample.h"
#include "server/api/ingestion_service.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr size_t kMaxBody = size_t{16} << 20;

void write_field(JsonWriter& out, const InferredField& field) {
  out.begin_object().field("name", std::string_view(field.name));
  out.field("path", std::string_view(field.path));
  out.field("type", std::string_view(to_string(field.type)));
  if (!field.time_format.empty()) {
    out.field("format", std::string_view(field.time_format));
  }
  if (field.high_cardinality) out.field("cardinality", "high");
  out.field("filled", field.filled);
  out.field("example", std::string_view(field.example)).end_object();
}

std::string to_json(const InferredDataset& found) {
  JsonWriter out;
  out.begin_object().field("format", std::string_view(found.format));
  out.field("messages", found.messages);
  if (!found.time_field.empty()) {
    out.field("time_field", std::string_view(found.time_field));
  }
  out.key("fields").begin_array();
  for (const InferredField& field : found.fields) write_field(out, field);
  out.end_array().key("arrays").begin_array();
  for (const std::string& path : found.arrays) {
    out.value(std::string_view(path));
  }
  out.end_array().key("odd").begin_array();
  for (const std::string& path : found.odd) {
    out.value(std::string_view(path));
  }
  out.end_array().key("empty").begin_array();
  for (const std::string& path : found.empty) {
    out.value(std::string_view(path));
  }
  out.end_array().end_object();
  return out.take();
}

// Given events need no dataset; else its source is asked, as the definition
// says, or as it is.
Result<MessageSample> sample_of(const Services& services,
                                const std::string& name,
                                const SampleQuestion& question) {
  if (!question.events.empty()) return given_events(question);
  std::shared_ptr<const Model> model = services.model();
  if (!question.definition.empty()) {
    ModelLoad load =
        services.deployer.check(ModelPart::kDataset, name, question.definition);
    if (!load.model) return invalid("definition: " + load.faults[0].message);
    model = load.model;
  }
  const DatasetModel* dataset = model->dataset(name);
  if (dataset == nullptr) {
    return Error{ErrorCode::kNotFound, "there is no dataset '" + name + "'"};
  }
  return services.ingestion.sample(*dataset, question.sample);
}

Result<std::string> infer(const Services& services,
                          const HttpRequest& request) {
  TRY_ASSIGN(SampleQuestion question, read_sample_question(request));
  TRY_ASSIGN(MessageSample sample,
             sample_of(services, request.params.at("d"), question));
  if (sample.messages().empty()) {
    return Error{ErrorCode::kNotFound, "the source holds no events yet"};
  }
  TRY_ASSIGN(InferredDataset found, infer_dataset(sample.messages()));
  return to_json(found);
}

}  // namespace

void add_infer_routes(Router& router, Services& services) {
  router.add(
      "POST", "/api/v1/datasets/{d}/infer", Access::kWrite,
      [&services](const HttpRequest& request) {
        auto found = infer(services, request);
        if (!found) return error_response(found.error(), request.request_id);
        return json_response(std::move(*found));
      },
      kMaxBody);
}

}  // namespace freshet
