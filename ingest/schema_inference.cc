#include "ingest/schema_inference.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "ingest/field_value.h"
#include "ingest/json_tree.h"
#include "ingest/time_reader.h"

namespace freshet {
namespace {

using Kind = EventNode::Kind;

constexpr size_t kMaxFields = 500;
constexpr size_t kMaxDepth = 8;
constexpr size_t kMaxDistinct = 1000;
// Of a number with a fraction: what comes later may be 1.25 where the sample
// had but 0.5, and would be rounded.
constexpr int kMinScale = 2;
// More of them than money or weights have: a binary fraction.
constexpr int kMaxScale = 6;
// Epochs between 2001 and 2065, by unit.
constexpr std::pair<const char*, int64_t> kEpochs[] = {
    {"seconds", 1}, {"millis", 1000}, {"micros", 1'000'000}};

// What was seen of one path.
struct Seen {
  size_t place = 0;  // in the order of first sight
  uint64_t filled = 0, bare = 0, bools = 0, whole = 0, times = 0;
  uint64_t epochs[3] = {};
  int scale = 0;
  bool real = false;  // an exponent, or too many digits
  std::set<std::string> distinct;
  std::string example;
};

class Inference {
 public:
  Result<InferredDataset> run(std::span<const RawMessage> messages) {
    for (const RawMessage& message : messages) add(message);
    if (result_.messages == 0) {
      return invalid("no message of the sample is a JSON object" +
                     (json_.error().empty() ? "" : ": " + json_.error()));
    }
    if (result_.format.empty()) result_.format = "json";
    std::vector<std::pair<std::string, const Seen*>> order;
    for (const auto& [path, seen] : seen_) order.push_back({path, &seen});
    std::ranges::sort(order, {}, [](const auto& p) { return p.second->place; });
    for (const auto& [path, seen] : order) add_field(path, *seen);
    choose_time();
    result_.arrays.assign(arrays_.begin(), arrays_.end());
    result_.odd.assign(odd_.begin(), odd_.end());
    for (const std::string& path : nulls_) {
      bool met = seen_.contains(path) || arrays_.contains(path) ||
                 objects_.contains(path);
      if (!met) result_.empty.push_back(path);
    }
    return std::move(result_);
  }

 private:
  void add(const RawMessage& message) {
    tree_.clear();
    if (message.null_value || !json_.read(message.value, tree_)) return;
    const EventNode* row = tree_.root();
    if (row->kind != Kind::kObject) return;
    const EventNode* payload = tree_.child(*row, "payload");
    if (payload != nullptr && tree_.child(*row, "schema") != nullptr) {
      row = payload;
    }
    const EventNode* data = tree_.child(*row, "data");
    if (tree_.child(*row, "op") != nullptr &&
        tree_.child(*row, "source") != nullptr) {
      result_.format = "debezium";
      row = tree_.child(*row, "after");
    } else if (data != nullptr && tree_.child(*row, "metadata") != nullptr) {
      result_.format = "dms";
      row = data;
    }
    if (row == nullptr || row->kind != Kind::kObject) return;
    ++result_.messages;
    walk(*row, "", 0);
  }

  void walk(const EventNode& object, const std::string& before, size_t depth) {
    for (auto* at = tree_.first_child(object); at != nullptr;
         at = tree_.next(*at)) {
      std::string path = before + std::string(at->name);
      bool odd = at->name.empty() ||
                 at->name.find_first_of(".[]$\"") != std::string_view::npos;
      if (odd) {
        if (odd_.size() < kMaxFields) odd_.insert(path);
        continue;
      }
      if (at->is_null()) {
        if (nulls_.size() < kMaxFields) nulls_.insert(path);
        continue;
      }
      if (at->kind == Kind::kObject) {
        objects_.insert(path);
        if (depth < kMaxDepth) walk(*at, path + ".", depth + 1);
      } else if (at->kind == Kind::kArray) {
        arrays_.insert(path);
      } else {
        note(path, *at);
      }
    }
  }

  void note(const std::string& path, const EventNode& node) {
    if (seen_.size() == kMaxFields && !seen_.contains(path)) return;
    Seen& seen = seen_[path];
    if (seen.filled++ == 0) {
      seen.place = seen_.size();
      seen.example = shorten(node.text);
    }
    if (seen.distinct.size() < kMaxDistinct) {
      seen.distinct.emplace(node.text.substr(0, 200));
    }
    int64_t number = 0;
    if (node.kind == Kind::kText) {
      seen.times += node.text.find('-') != std::string_view::npos &&
                    time_.read_text(node.text, number);
      return;
    }
    ++seen.bare;
    if (node.text == "true" || node.text == "false") {
      ++seen.bools;
      return;
    }
    note_number(seen, node.text);
  }

  void note_number(Seen& seen, std::string_view text) {
    int64_t number = 0;
    size_t point = text.find('.');
    if (text.find_first_of("eE") != std::string_view::npos) {
      seen.real = true;
    } else if (point != std::string_view::npos) {
      seen.scale =
          std::max(seen.scale, static_cast<int>(text.size() - point - 1));
    } else if (parse_exact(text, 0, false, number)) {
      ++seen.whole;
      for (size_t i = 0; i < 3; ++i) {
        int64_t unit = kEpochs[i].second;
        seen.epochs[i] +=
            number >= 1'000'000'000 * unit && number < 3'000'000'000 * unit;
      }
    } else {
      seen.real = true;
    }
  }

  static bool looks_like_time(const std::string& path) {
    std::string name = path.substr(path.rfind('.') + 1);
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    });
    return name == "ts" || name == "at" || name.ends_with("_at") ||
           name.ends_with("_ts") || name.find("time") != std::string::npos ||
           name.find("date") != std::string::npos;
  }

  void add_field(const std::string& path, const Seen& seen) {
    InferredField field;
    field.path = path;
    field.name = column_name(path);
    field.filled = seen.filled;
    field.example = seen.example;
    field.type.kind = ColumnKind::kString;
    field.high_cardinality =
        seen.distinct.size() >= 100 && seen.distinct.size() * 2 > seen.filled;
    if (seen.times == seen.filled) {
      field.type.kind = ColumnKind::kTimestamp;
      field.time_format = "auto";
    } else if (seen.bare == seen.filled) {
      set_number(field, seen);
    }
    bool text = field.type.kind == ColumnKind::kString;
    field.high_cardinality = field.high_cardinality && text;
    result_.fields.push_back(std::move(field));
  }

  void set_number(InferredField& field, const Seen& seen) {
    if (seen.bools > 0) {
      if (seen.bools == seen.filled) field.type.kind = ColumnKind::kBool;
      return;
    }
    if (seen.real || seen.scale > kMaxScale) {
      field.type.kind = ColumnKind::kDouble;
    } else if (seen.scale > 0) {
      field.type.kind = ColumnKind::kDecimal;
      field.type.scale = static_cast<uint8_t>(std::max(seen.scale, kMinScale));
    } else {
      field.type.kind = ColumnKind::kLong;
      for (size_t i = 0; i < 3; ++i) {
        if (seen.epochs[i] != seen.filled || !looks_like_time(field.path)) {
          continue;
        }
        field.type.kind = ColumnKind::kTimestamp;
        field.time_format = kEpochs[i].first;
      }
    }
  }

  // Letters, digits and '_', and no other column's.
  std::string column_name(const std::string& path) {
    std::string name;
    for (char c : path) {
      bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      bool digit = c >= '0' && c <= '9';
      if (digit && name.empty()) name = "_";
      name += letter || digit ? c : '_';
    }
    while (!names_.insert(name).second) name += "_";
    return name;
  }

  // A field that every message has and that is a time.
  void choose_time() {
    const InferredField* best = nullptr;
    for (const InferredField& field : result_.fields) {
      bool time = field.type.kind == ColumnKind::kTimestamp &&
                  field.filled == result_.messages;
      if (!time) continue;
      if (best == nullptr || (field.name == "ts" && best->name != "ts")) {
        best = &field;
      }
    }
    if (best != nullptr) result_.time_field = best->path;
  }

  JsonTree json_;
  EventTree tree_;
  TimeReader time_{"iso"};
  std::map<std::string, Seen> seen_;
  std::set<std::string> arrays_, odd_, nulls_, objects_, names_{"__time"};
  InferredDataset result_;
};

bool is_control(char c) { return absl::ascii_iscntrl(c); }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (is_control(c)) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// A line break would end the comment.
std::string in_comment(std::string text) {
  std::ranges::replace_if(text, is_control, ' ');
  return text;
}

}  // namespace

Result<InferredDataset> infer_dataset(std::span<const RawMessage> messages) {
  return Inference().run(messages);
}

std::string inferred_yaml(const InferredDataset& dataset,
                          const std::string& name, const std::string& brokers,
                          const std::string& topic) {
  std::string out = fmt::format(
      "# Made from {} messages of {}: check types, time and personal data.\n"
      "dataset: {}\nsource: {{ kafka: {{ brokers: {}, topics: [{}], format: {} "
      "}} }}\n",
      dataset.messages, in_comment(topic), name, quoted(brokers), quoted(topic),
      dataset.format);
  out +=
      dataset.time_field.empty()
          ? std::string("time: { message: timestamp }\n")
          : fmt::format("time: {{ field: {} }}\n", quoted(dataset.time_field));
  for (const std::string& array : dataset.arrays) {
    out += fmt::format(
        "# {} is an array: explode it in the source, or take {}[0]\n",
        in_comment(array), in_comment(array));
  }
  for (const std::string& path : dataset.odd) {
    out += fmt::format("# {} is left out: no path can say such a name\n",
                       quoted(shorten(path)));
  }
  for (const std::string& path : dataset.empty) {
    out += fmt::format(
        "# {} was null in all of them, which says no type: add its column\n",
        in_comment(path));
  }
  out += "columns:\n";
  for (const InferredField& field : dataset.fields) {
    std::string line = fmt::format("  - {{ name: {}, type: {}", field.name,
                                   to_string(field.type));
    if (field.path != field.name) line += ", path: " + quoted(field.path);
    if (!field.time_format.empty() && field.time_format != "auto") {
      line += ", format: " + field.time_format;
    }
    if (field.high_cardinality) line += ", cardinality: high";
    out +=
        fmt::format("{:<60}  # in {} of {}, such as {}\n", line + " }",
                    field.filled, dataset.messages, in_comment(field.example));
  }
  return out;
}

}  // namespace freshet
