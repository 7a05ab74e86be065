#include "server/demo/column_values.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "server/json/json_writer.h"

namespace freshet {
namespace {

std::string json_text(std::string_view text) {
  JsonWriter json;
  json.value(text);
  return json.take();
}

bool names_one_of(const std::string& name,
                  std::initializer_list<const char*> words) {
  for (const char* word : words)
    if (name.find(word) != std::string::npos) return true;
  return false;
}

std::vector<std::string> category_names(const std::string& column) {
  if (column == "currency") return {"EUR", "USD", "GBP"};
  if (column == "status") return {"done", "open", "cancelled", "failed"};
  if (column == "channel") return {"store", "web", "app"};
  if (column == "country") return {"ES", "FR", "PT", "DE", "IT", "GB"};
  size_t count = 20;
  if (names_one_of(column, {"sku", "article", "product", "item"})) count = 500;
  if (names_one_of(column, {"store", "location", "site"})) count = 40;
  std::vector<std::string> names;
  bool place = column == "store" || column == "location";
  for (size_t i = 1; i <= count; ++i)
    names.push_back(place ? fmt::format("S{:03}", i)
                          : fmt::format("{}-{:02}", column, i));
  return names;
}

}  // namespace

// The tree of member names that nested paths make.
struct ColumnValues::Member {
  std::string name;
  int field = -1;
  std::vector<Member> members;

  // Puts a field at `path`; false if a value is in the way.
  bool insert(std::vector<std::string> path, size_t depth, int value) {
    if (field >= 0) return false;
    auto at =
        std::find_if(members.begin(), members.end(),
                     [&](const Member& m) { return m.name == path[depth]; });
    bool last = depth + 1 == path.size();
    if (at == members.end()) {
      members.push_back({path[depth], last ? value : -1, {}});
      return last || members.back().insert(std::move(path), depth + 1, value);
    }
    return !last && at->insert(std::move(path), depth + 1, value);
  }
};

ColumnValues::Field ColumnValues::make_category(
    const ColumnModel& column, std::vector<std::string>& names) {
  Field field;
  field.kind = Kind::kCategory;
  names = category_names(column.name);
  for (const std::string& name : names) field.values.push_back(json_text(name));
  field.pick = WeightedChoice(zipf_weights(names.size(), 0.8));
  return field;
}

ColumnValues::Field ColumnValues::make_field(const ColumnModel& column,
                                             bool choose_keys,
                                             EventShape& shape) {
  Field field;
  std::string name = absl::AsciiStrToLower(column.name);
  if (column.type.is_numeric()) {
    field.measure = static_cast<int>(shape.measures.size());
    shape.measures.push_back({column.name, column.type});
  }
  switch (column.type.kind) {
    case ColumnKind::kString: {
      bool pool = names_one_of(
          name, {"member", "customer", "user", "session", "device", "ip"});
      bool unique = column.high_cardinality || absl::EndsWith(name, "_id") ||
                    name == "id" || names_one_of(name, {"uuid", "number"});
      if (pool && (unique || column.pii)) {
        field.kind = Kind::kPoolId;
        field.pick = WeightedChoice(zipf_weights(10'000, 0.6));
      } else if (unique) {
        field.kind = Kind::kUniqueId;
        if (choose_keys && shape.key_column.empty())
          shape.key_column = column.name;
      } else {
        std::vector<std::string> names;
        field = make_category(column, names);
        if (choose_keys && shape.group_column.empty()) {
          shape.group_column = column.name;
          shape.group_values = std::move(names);
          field.is_group = true;
        }
      }
      break;
    }
    case ColumnKind::kLong:
      field.kind = name == "seq"         ? Kind::kSeq
                   : name == "partition" ? Kind::kPartition
                   : name == "line"      ? Kind::kLine
                   : names_one_of(name, {"qty", "quantity", "units", "count"})
                       ? Kind::kQuantity
                       : Kind::kLong;
      break;
    case ColumnKind::kDouble:
      field.kind = Kind::kDouble;
      field.middle = 100, field.spread = 30;
      if (names_one_of(name, {"temp"})) field.middle = 5, field.spread = 1.5;
      if (name == "lat") field.middle = 40.4, field.spread = 1;
      if (name == "lon" || name == "lng") field.middle = -3.7, field.spread = 1;
      break;
    case ColumnKind::kDecimal:
      field.kind = Kind::kDecimal;
      field.scale = column.type.scale;
      field.middle = names_one_of(name, {"discount", "tax", "fee"}) ? 1 : 8;
      break;
    case ColumnKind::kBool:
      field.kind = Kind::kBool;
      break;
    case ColumnKind::kTimestamp:
      field.kind = Kind::kTimestamp;
      break;
  }
  field.salt = mix64(0, column.name);
  return field;
}

Result<ColumnValues> ColumnValues::make(
    const DatasetModel& dataset, const std::vector<const ColumnModel*>& of,
    bool with_time, EventShape& shape) {
  ColumnValues result;
  Member root;
  auto add = [&](const std::string& path, Field field) -> Status {
    std::vector<std::string> names = absl::StrSplit(path, '.');
    int number = static_cast<int>(result.fields_.size());
    result.fields_.push_back(std::move(field));
    if (root.insert(names, 0, number)) return {};
    return Error{ErrorCode::kUnsupported,
                 fmt::format("cannot generate events for dataset '{}': "
                             "another column is read from the same place as "
                             "'{}'",
                             dataset.name, path)};
  };
  if (with_time) TRY(add(dataset.time_field, Field{}));
  for (const ColumnModel* column : of) {
    const std::string& path =
        column->path.empty() ? column->name : column->path;
    if (path == dataset.time_field) continue;  // the time under its own name
    TRY(add(path, make_field(*column, with_time, shape)));
  }
  result.flatten(root);
  if (with_time && !shape.group_values.empty())
    result.pick_group_ =
        WeightedChoice(zipf_weights(shape.group_values.size(), 0.8));
  return result;
}

void ColumnValues::flatten(const Member& members) {
  bool first = true;
  for (const Member& member : members.members) {
    std::string text = (first ? "" : ",") + json_text(member.name) + ":";
    first = false;
    if (member.field >= 0) {
      pieces_.push_back({text, member.field});
      continue;
    }
    pieces_.push_back({text + "{", -1});
    flatten(member);
    pieces_.push_back({"}", -1});
  }
}

void ColumnValues::draw_group(Random& random, EventFacts& facts) const {
  facts.group = static_cast<int32_t>(pick_group_.draw(random));
}

void ColumnValues::append(Random& random, TimeText& times, std::string& line,
                          EventFacts& facts) const {
  for (const Piece& piece : pieces_) {
    line += piece.text;
    if (piece.field < 0) continue;
    append_value(fields_[static_cast<size_t>(piece.field)], random, times, line,
                 facts);
  }
}

void ColumnValues::append_value(const Field& field, Random& random,
                                TimeText& times, std::string& line,
                                EventFacts& facts) const {
  switch (field.kind) {
    case Kind::kTime:
      return times.append(line, facts.time);
    case Kind::kUniqueId:
      line.push_back('"');
      append_digits(line, mix64(field.salt, facts.seq) % 1'000'000, 6);
      line.push_back('-');
      append_int(line, static_cast<int64_t>(facts.seq));
      return line.push_back('"');
    case Kind::kPoolId:
      line += "\"M";
      append_digits(line, field.pick.draw(random), 6);
      return line.push_back('"');
    case Kind::kCategory: {
      size_t i = field.is_group ? static_cast<size_t>(facts.group)
                                : field.pick.draw(random);
      line += field.values[i];
      return;
    }
    case Kind::kBool:
      line += random.chance(0.9) ? "true" : "false";
      return;
    case Kind::kTimestamp: {
      int64_t before = static_cast<int64_t>(random.gamma(3, 8 * 3'600'000.0));
      return times.append_iso(line, Timestamp{facts.time.ms - before});
    }
    default:
      return append_number(field, random, line, facts);
  }
}

void ColumnValues::append_number(const Field& field, Random& random,
                                 std::string& line, EventFacts& facts) const {
  int64_t units = 0;
  switch (field.kind) {
    case Kind::kSeq:
      units = static_cast<int64_t>(facts.seq);
      break;
    case Kind::kPartition:
      units = facts.partition;
      break;
    case Kind::kLine:
      units = 1 + random.geometric(0.6, 20);
      break;
    case Kind::kQuantity:
      units = 1 + random.geometric(0.35, 20);
      break;
    case Kind::kDouble:
      units = static_cast<int64_t>(
          (field.middle + field.spread * random.normal()) / kDoubleUnit);
      break;
    case Kind::kDecimal: {
      double one = static_cast<double>(kPowersOfTen[field.scale]);
      // At 18 digits only values below 9 fit; keep well inside.
      double most = 4e18, v = field.middle * std::exp(random.normal() * 0.8);
      units = static_cast<int64_t>(std::min(v * one, most));
      break;
    }
    default:
      units = static_cast<int64_t>(random.below(1000));
      break;
  }
  auto measure = static_cast<size_t>(field.measure);
  facts.units[measure] = units;
  facts.present[measure] = 1;
  if (field.kind == Kind::kDouble) return append_sixty_fourths(line, units);
  append_decimal(line, units, field.scale);
}

}  // namespace freshet
