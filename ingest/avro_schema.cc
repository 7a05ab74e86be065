#include "ingest/avro_schema.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <optional>

#include "ingest/field_value.h"
#include "ingest/json_tree.h"

namespace freshet {
namespace {

using NodeKind = EventNode::Kind;
using Meaning = EventNode::Meaning;
using Kind = AvroType::Kind;

constexpr size_t kMaxTypes = 10'000;
constexpr uint32_t kMaxFixed = 1 << 20;

constexpr std::array<std::pair<std::string_view, Kind>, 8> kPrimitives = {{
    {"null", Kind::kNull},
    {"boolean", Kind::kBoolean},
    {"int", Kind::kInt},
    {"long", Kind::kLong},
    {"float", Kind::kFloat},
    {"double", Kind::kDouble},
    {"bytes", Kind::kBytes},
    {"string", Kind::kString},
}};

// Logical types, and Connect's and Debezium's names for what Avro has none.
constexpr std::array<std::pair<std::string_view, Meaning>, 19> kMeanings = {{
    {"decimal", Meaning::kUnits},
    {"date", Meaning::kDays},
    {"timestamp-millis", Meaning::kMillis},
    {"timestamp-micros", Meaning::kMicros},
    {"timestamp-nanos", Meaning::kNanos},
    {"local-timestamp-millis", Meaning::kMillis},
    {"local-timestamp-micros", Meaning::kMicros},
    {"local-timestamp-nanos", Meaning::kNanos},
    {"io.debezium.time.Date", Meaning::kDays},
    {"io.debezium.time.Timestamp", Meaning::kMillis},
    {"io.debezium.time.MicroTimestamp", Meaning::kMicros},
    {"io.debezium.time.NanoTimestamp", Meaning::kNanos},
    {"time-millis", Meaning::kNoMoment},
    {"time-micros", Meaning::kNoMoment},
    {"io.debezium.time.Time", Meaning::kNoMoment},
    {"io.debezium.time.MicroTime", Meaning::kNoMoment},
    {"io.debezium.time.NanoTime", Meaning::kNoMoment},
    {"io.debezium.time.Year", Meaning::kNoMoment},
    {"io.debezium.time.MicroDuration", Meaning::kNoMoment},
}};

std::optional<Meaning> meaning_of(std::string_view name) {
  for (const auto& [known, meaning] : kMeanings) {
    if (known == name) return meaning;
  }
  return {};
}

bool fits(Meaning meaning, Kind kind) {
  if (meaning == Meaning::kUnits) {
    return kind == Kind::kBytes || kind == Kind::kFixed;
  }
  return kind == Kind::kInt || kind == Kind::kLong;
}

}  // namespace

class AvroSchemaParser {
 public:
  explicit AvroSchemaParser(AvroSchema& schema) : schema_(schema) {}

  Status add(std::string_view text) {
    JsonTree json;
    EventTree tree;
    if (text.starts_with('"') || text.starts_with('{') ||
        text.starts_with('[')) {
      if (!json.read(text, tree)) {
        return invalid("the Avro schema is not JSON: " + json.error());
      }
      tree_ = &tree;
      TRY_ASSIGN(schema_.root_, read(*tree.root(), ""));
      return {};
    }
    return invalid("not an Avro schema: " + shorten(text));
  }

 private:
  Result<uint32_t> read(const EventNode& node, const std::string& space);
  Result<uint32_t> read_name(std::string_view name, const std::string& space);
  Result<uint32_t> read_union(const EventNode& node, const std::string& space);
  Result<uint32_t> read_object(const EventNode& node, const std::string& space);
  Result<uint32_t> read_record(const EventNode& node, const std::string& space);
  Result<uint32_t> read_enum(const EventNode& node, const std::string& space);
  Result<uint32_t> read_fixed(const EventNode& node, const std::string& space);
  Result<uint32_t> read_inside(const EventNode& node, std::string_view member,
                               Kind kind, const std::string& space);
  Result<std::string> define(const EventNode& node, const std::string& space,
                             uint32_t number);
  void read_meaning(const EventNode& node, AvroType& type);

  Result<uint32_t> add_type(Kind kind) {
    if (schema_.types_.size() == kMaxTypes) {
      return invalid(
          fmt::format("the Avro schema has more than {} types", kMaxTypes));
    }
    schema_.types_.emplace_back().kind = kind;
    return static_cast<uint32_t>(schema_.types_.size() - 1);
  }
  std::string_view text(const EventNode& node, std::string_view name) const {
    const EventNode* found = tree_->child(node, name);
    return found == nullptr ? std::string_view() : found->text;
  }
  int64_t number(const EventNode& node, std::string_view name,
                 int64_t missing) const {
    int64_t value = missing;
    parse_exact(text(node, name), 0, false, value);
    return value;
  }

  AvroSchema& schema_;
  const EventTree* tree_ = nullptr;
  std::map<std::string, uint32_t, std::less<>> named_;
};

Result<uint32_t> AvroSchemaParser::read(const EventNode& node,
                                        const std::string& space) {
  switch (node.kind) {
    case NodeKind::kText:
      return read_name(node.text, space);
    case NodeKind::kArray:
      return read_union(node, space);
    case NodeKind::kObject:
      return read_object(node, space);
    default:
      return invalid("not an Avro type: " + shorten(node.text));
  }
}

Result<uint32_t> AvroSchemaParser::read_name(std::string_view name,
                                             const std::string& space) {
  for (const auto& [known, kind] : kPrimitives) {
    if (name == known) return add_type(kind);
  }
  auto found = named_.end();
  if (!space.empty() && name.find('.') == std::string_view::npos) {
    found = named_.find(space + "." + std::string(name));
  }
  if (found == named_.end()) found = named_.find(name);
  if (found != named_.end()) return found->second;
  return invalid("unknown Avro type: " + shorten(name));
}

Result<uint32_t> AvroSchemaParser::read_union(const EventNode& node,
                                              const std::string& space) {
  TRY_ASSIGN(uint32_t made, add_type(Kind::kUnion));
  std::vector<uint32_t> types;
  for (auto* at = tree_->first_child(node); at != nullptr;
       at = tree_->next(*at)) {
    TRY_ASSIGN(uint32_t branch, read(*at, space));
    types.push_back(branch);
  }
  schema_.types_[made].types = std::move(types);
  return made;
}

Result<uint32_t> AvroSchemaParser::read_object(const EventNode& node,
                                               const std::string& space) {
  const EventNode* type = tree_->child(node, "type");
  if (type == nullptr) return invalid("an Avro type lacks its 'type'");
  if (type->kind != NodeKind::kText) return read(*type, space);
  if (type->text == "record" || type->text == "error") {
    return read_record(node, space);
  }
  if (type->text == "enum") return read_enum(node, space);
  if (type->text == "fixed") return read_fixed(node, space);
  if (type->text == "array") {
    return read_inside(node, "items", Kind::kArray, space);
  }
  if (type->text == "map") {
    return read_inside(node, "values", Kind::kMap, space);
  }
  TRY_ASSIGN(uint32_t made, read_name(type->text, space));
  read_meaning(node, schema_.types_[made]);
  return made;
}

// Puts the type under its full name; returns the namespace inside it.
Result<std::string> AvroSchemaParser::define(const EventNode& node,
                                             const std::string& space,
                                             uint32_t number) {
  std::string name(text(node, "name"));
  if (name.empty()) return invalid("an Avro type lacks its 'name'");
  std::string inside = space;
  size_t dot = name.rfind('.');
  if (dot != std::string::npos) {
    inside = name.substr(0, dot);
  } else {
    if (tree_->child(node, "namespace") != nullptr) {
      inside = text(node, "namespace");
    }
    if (!inside.empty()) name = inside + "." + name;
  }
  if (!named_.emplace(name, number).second) {
    return invalid("the Avro type is defined twice: " + shorten(name));
  }
  return inside;
}

Result<uint32_t> AvroSchemaParser::read_record(const EventNode& node,
                                               const std::string& space) {
  TRY_ASSIGN(uint32_t made, add_type(Kind::kRecord));
  TRY_ASSIGN(std::string inside, define(node, space, made));
  const EventNode* fields = tree_->child(node, "fields");
  if (fields == nullptr || fields->kind != NodeKind::kArray) {
    return invalid("the Avro record lacks its 'fields': " +
                   shorten(text(node, "name")));
  }
  std::vector<uint32_t> types;
  std::vector<std::string> names;
  for (auto* at = tree_->first_child(*fields); at != nullptr;
       at = tree_->next(*at)) {
    const EventNode* type = tree_->child(*at, "type");
    if (type == nullptr || text(*at, "name").empty()) {
      return invalid("a field lacks its name or type in the Avro record " +
                     shorten(text(node, "name")));
    }
    TRY_ASSIGN(uint32_t of_field, read(*type, inside));
    types.push_back(of_field);
    names.emplace_back(text(*at, "name"));
  }
  schema_.types_[made].types = std::move(types);
  schema_.types_[made].names = std::move(names);
  return made;
}

Result<uint32_t> AvroSchemaParser::read_enum(const EventNode& node,
                                             const std::string& space) {
  TRY_ASSIGN(uint32_t made, add_type(Kind::kEnum));
  TRY_ASSIGN(std::string inside, define(node, space, made));
  const EventNode* symbols = tree_->child(node, "symbols");
  if (symbols == nullptr) {
    return invalid("the Avro enum lacks its 'symbols': " +
                   shorten(text(node, "name")));
  }
  for (auto* at = tree_->first_child(*symbols); at != nullptr;
       at = tree_->next(*at)) {
    schema_.types_[made].names.emplace_back(at->text);
  }
  return made;
}

Result<uint32_t> AvroSchemaParser::read_fixed(const EventNode& node,
                                              const std::string& space) {
  TRY_ASSIGN(uint32_t made, add_type(Kind::kFixed));
  TRY_ASSIGN(std::string inside, define(node, space, made));
  int64_t size = number(node, "size", -1);
  if (size < 0 || size > kMaxFixed) {
    return invalid(fmt::format("the size of the Avro fixed {} must be 0 to {}",
                               shorten(text(node, "name")), kMaxFixed));
  }
  schema_.types_[made].size = static_cast<uint32_t>(size);
  read_meaning(node, schema_.types_[made]);
  return made;
}

Result<uint32_t> AvroSchemaParser::read_inside(const EventNode& node,
                                               std::string_view member,
                                               Kind kind,
                                               const std::string& space) {
  const EventNode* inside = tree_->child(node, member);
  if (inside == nullptr) {
    return invalid(fmt::format("an Avro type lacks its '{}'", member));
  }
  TRY_ASSIGN(uint32_t made, add_type(kind));
  TRY_ASSIGN(uint32_t type, read(*inside, space));
  schema_.types_[made].types.push_back(type);
  return made;
}

void AvroSchemaParser::read_meaning(const EventNode& node, AvroType& type) {
  auto meaning = meaning_of(text(node, "logicalType"));
  if (!meaning) meaning = meaning_of(text(node, "connect.name"));
  if (!meaning || !fits(*meaning, type.kind)) return;
  if (*meaning == Meaning::kUnits) {
    int64_t scale = number(node, "scale", 0);
    if (scale < 0 || scale > 38) return;
    type.scale = static_cast<int8_t>(scale);
  }
  type.meaning = *meaning;
}

Result<std::shared_ptr<const AvroSchema>> AvroSchema::parse(
    std::string_view text, std::span<const std::string> references) {
  auto schema = std::make_shared<AvroSchema>();
  AvroSchemaParser parser(*schema);
  for (const std::string& reference : references) TRY(parser.add(reference));
  TRY(parser.add(trim(text)));
  return std::shared_ptr<const AvroSchema>(std::move(schema));
}

}  // namespace freshet
