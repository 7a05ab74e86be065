#include "server/api/ingestion_sample.h"

#include "server/api/ingestion_service.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr int64_t kMaxSample = 10'000;

// The text of a model file, or an object of the same parts: JSON is YAML.
Result<std::string> read_definition(const JsonValue& value) {
  if (value.as_string() != nullptr) return *value.as_string();
  if (value.as_object() == nullptr) {
    return invalid(
        "definition: neither a text (YAML or JSON) nor an object, but a " +
        std::string(value.type_name()));
  }
  JsonWriter out;
  return out.tree(value).take();
}

Result<std::vector<std::string>> read_texts(const JsonValue& list) {
  std::vector<std::string> texts;
  if (list.as_array() == nullptr) return invalid("events: not a list");
  for (const JsonValue& one : *list.as_array()) {
    if (one.as_string() == nullptr) {
      return invalid(
          "events: not a list of texts, each an event as the source "
          "holds it");
    }
    texts.push_back(*one.as_string());
  }
  return texts;
}

}  // namespace

Result<SampleQuestion> read_sample_question(const HttpRequest& request) {
  SampleQuestion question;
  if (request.body.empty()) return question;
  TRY_ASSIGN(JsonValue body, parse_json(request.body));
  const JsonObject* members = body.as_object();
  if (members == nullptr) return invalid("the body is not a JSON object");
  for (const auto& [name, value] : *members) {
    if (name == "definition") {
      TRY_ASSIGN(question.definition, read_definition(value));
    } else if (name == "events") {
      TRY_ASSIGN(question.events, read_texts(value));
    } else if (name == "sample") {
      const int64_t* number = value.as_int();
      if (number == nullptr || *number < 1 || *number > kMaxSample) {
        return invalid("sample must be a number from 1 to 10000");
      }
      question.sample = static_cast<size_t>(*number);
    } else {
      return invalid("unknown key '" + name +
                     "'; known are definition, events, sample");
    }
  }
  return question;
}

MessageSample given_events(const SampleQuestion& question) {
  MessageSample sample;
  for (const std::string& event : question.events) sample.add(event);
  return sample;
}

Result<MessageSample> take_sample(const Services& services,
                                  const DatasetModel& dataset,
                                  const SampleQuestion& question) {
  if (!question.events.empty()) return given_events(question);
  return services.ingestion.sample(dataset, question.sample);
}

}  // namespace freshet
