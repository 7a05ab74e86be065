#include "ingest/schema_registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/field_value.h"
#include "ingest/json_tree.h"

namespace freshet {
namespace {

constexpr auto kAskAgain = std::chrono::seconds(30);
constexpr size_t kMaxReferences = 100;
constexpr size_t kMaxReferenceDepth = 16;

}  // namespace

SchemaRegistry::SchemaRegistry(RegistrySettings settings)
    : settings_(std::move(settings)) {
  std::string_view rest = settings_.url;
  while (!rest.empty()) {
    size_t comma = std::min(rest.find(','), rest.size());
    std::string_view url = trim(rest.substr(0, comma));
    while (url.ends_with('/')) url.remove_suffix(1);
    if (!url.empty()) urls_.emplace_back(url);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
}

// The body of an answer, or kNotFound and kInvalid with the registry's words.
Result<std::string> SchemaRegistry::ask(const std::string& path) {
  Status failed = Error{ErrorCode::kUnavailable, "the registry has no URL"};
  for (const std::string& url : urls_) {
    TransferRequest request;
    request.url = url + path;
    request.user = settings_.user;
    request.password = settings_.password;
    request.ca_file = settings_.ca_file;
    request.timeout_ms = 5000;
    request.headers = {"Accept: application/vnd.schemaregistry.v1+json"};
    auto answer = transfer_.get(request);
    if (!answer) {
      failed = Error{ErrorCode::kUnavailable,
                     "the schema registry: " + answer.error().message};
      continue;
    }
    if (answer->status == 200) return std::move(answer->body);
    std::string said =
        fmt::format("the schema registry answers {} ({}): {}", answer->status,
                    shorten(answer->body), request.url);
    if (answer->status == 404) return Error{ErrorCode::kNotFound, said};
    // A login can be mended and a server restarted; the events wait.
    failed = Error{ErrorCode::kUnavailable, said};
  }
  return failed.error();
}

Status SchemaRegistry::fetch(uint32_t id) {
  auto found = known_.find(id);
  if (found != known_.end() &&
      (found->second.schema != nullptr ||
       Clock::now() - found->second.asked < kAskAgain)) {
    return {};
  }
  TRY_ASSIGN(Known known, load(id));
  known.asked = Clock::now();
  known_[id] = std::move(known);
  return {};
}

void SchemaRegistry::forget_faults() {
  absl::erase_if(
      known_, [](const auto& known) { return known.second.schema == nullptr; });
}

Result<SchemaRegistry::Known> SchemaRegistry::load(uint32_t id) {
  auto final = [](const Error& error) {
    return Known{nullptr, error.message, {}};
  };
  auto answer = ask(fmt::format("/schemas/ids/{}", id));
  if (!answer) {
    if (answer.error().code == ErrorCode::kNotFound) {
      return final(answer.error());
    }
    return answer.error();
  }
  JsonTree json;
  EventTree tree;
  if (!json.read(*answer, tree)) {
    return final(invalid(fmt::format("the answer for schema {} is not JSON: {}",
                                     id, json.error())));
  }
  const EventNode* type = tree.child(*tree.root(), "schemaType");
  if (type != nullptr && !type->is_null() && type->text != "AVRO") {
    return final(invalid(
        fmt::format("schema {} is not Avro but {}", id, shorten(type->text))));
  }
  const EventNode* text = tree.child(*tree.root(), "schema");
  if (text == nullptr || text->kind != EventNode::Kind::kText) {
    return final(
        invalid(fmt::format("the answer for schema {} has no schema", id)));
  }
  std::vector<std::string> references;
  Status added = add_references(*answer, 0, references);
  if (!added) {
    if (added.error().code == ErrorCode::kUnavailable) return added.error();
    return final(added.error());
  }
  auto schema = AvroSchema::parse(text->text, references);
  if (!schema) {
    return final(
        invalid(fmt::format("schema {}: {}", id, schema.error().message)));
  }
  return Known{std::move(*schema), {}, {}};
}

// Texts of the schemas that the one in `answer` refers to, those that others
// need first.
Status SchemaRegistry::add_references(std::string_view answer, size_t depth,
                                      std::vector<std::string>& texts) {
  JsonTree json;
  EventTree tree;
  if (!json.read(answer, tree)) {
    return invalid("a schema's answer is not JSON: " + json.error());
  }
  const EventNode* list = tree.child(*tree.root(), "references");
  if (list == nullptr || list->kind != EventNode::Kind::kArray) return {};
  for (auto* at = tree.first_child(*list); at != nullptr; at = tree.next(*at)) {
    const EventNode* subject = tree.child(*at, "subject");
    const EventNode* version = tree.child(*at, "version");
    if (subject == nullptr || version == nullptr ||
        texts.size() == kMaxReferences || depth == kMaxReferenceDepth) {
      return invalid("a schema's references cannot be followed");
    }
    TRY_ASSIGN(std::string inner,
               ask(fmt::format("/subjects/{}/versions/{}",
                               url_escape(subject->text, false),
                               url_escape(version->text, false))));
    TRY(add_references(inner, depth + 1, texts));
    JsonTree inner_json;
    EventTree inner_tree;
    if (!inner_json.read(inner, inner_tree)) {
      return invalid("a schema's answer is not JSON: " + inner_json.error());
    }
    const EventNode* text = inner_tree.child(*inner_tree.root(), "schema");
    if (text == nullptr) return invalid("a referred schema has no text");
    std::string own(text->text);
    if (std::ranges::find(texts, own) == texts.end()) texts.push_back(own);
  }
  return {};
}

Result<const AvroSchema*> SchemaRegistry::find(uint32_t id) const {
  auto found = known_.find(id);
  if (found == known_.end()) {
    return invalid(fmt::format("schema {} was not asked for", id));
  }
  if (found->second.schema == nullptr) return invalid(found->second.fault);
  return found->second.schema.get();
}

}  // namespace freshet
