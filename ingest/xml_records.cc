#include "ingest/xml_records.h"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "ingest/decoder.h"
#include "ingest/field_value.h"

namespace freshet {
namespace {

using Kind = EventNode::Kind;

struct Element {
  std::string name;
  std::string text;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<Element> children;
};

std::string_view local_name(std::string_view name) {
  size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

void write_inside(const Element& element, EventTree& tree);

void write_element(const Element& element, std::string_view name,
                   EventTree& tree) {
  std::string_view text = trim(element.text);
  if (element.children.empty() && element.attributes.empty()) {
    tree.leaf(text.empty() ? Kind::kNull : Kind::kText, name, tree.keep(text));
    return;
  }
  tree.open(Kind::kObject, name);
  write_inside(element, tree);
  if (!text.empty()) tree.leaf(Kind::kText, "#text", tree.keep(text));
  tree.close();
}

// Elements of one name stand where the first of them does.
void write_inside(const Element& element, EventTree& tree) {
  for (const auto& [name, value] : element.attributes) {
    tree.leaf(Kind::kText, tree.keep("@" + name), tree.keep(value));
  }
  std::map<std::string_view, std::vector<const Element*>> groups;
  std::vector<std::string_view> order;
  for (const Element& child : element.children) {
    auto& group = groups[child.name];
    if (group.empty()) order.push_back(child.name);
    group.push_back(&child);
  }
  for (std::string_view name : order) {
    const auto& group = groups[name];
    std::string_view kept = tree.keep(name);
    if (group.size() == 1) {
      write_element(*group[0], kept, tree);
      continue;
    }
    tree.open(Kind::kArray, kept);
    for (const Element* child : group) write_element(*child, {}, tree);
    tree.close();
  }
}

}  // namespace

struct XmlRecords::Parser {
  std::vector<std::string> path;
  Use use;
  XML_Parser expat = nullptr;
  Status status;
  // What is open: in a record from `record_depth` on, whole; before it, only
  // what surrounds records.
  std::vector<Element> open;
  size_t record_depth = 0;  // elements of `open` before the record; 0: in none
  size_t record_bytes = 0;
  EventTree record, around;
  bool around_changed = true;

  ~Parser() {
    if (expat != nullptr) XML_ParserFree(expat);
  }
  void start();
  void stop(Error error) {
    if (status) status = std::move(error);
    XML_StopParser(expat, XML_FALSE);
  }
  // Whether what is open is the beginning of the path, or all of it.
  bool on_path() const {
    if (open.size() > path.size()) return false;
    for (size_t i = 0; i < open.size(); ++i) {
      if (open[i].name != path[i]) return false;
    }
    return true;
  }
  void keep_around(Element element);
  void open_element(const char* name, const char** attributes);
  void close_element();
  void add_text(const char* text, int size);
  bool grow(size_t bytes);
  void write_around();
  void finish_record(Element element);
};

bool XmlRecords::Parser::grow(size_t bytes) {
  record_bytes += bytes + sizeof(Element) / 4;
  if (record_bytes <= kMaxEventBytes) return true;
  stop(Error{ErrorCode::kLimit,
             fmt::format("line {}: a record is larger than {} bytes",
                         XML_GetCurrentLineNumber(expat), kMaxEventBytes)});
  return false;
}

void XmlRecords::Parser::open_element(const char* name,
                                      const char** attributes) {
  if (open.size() == kMaxDepth) {
    stop(invalid(fmt::format("line {}: nested deeper than {}",
                             XML_GetCurrentLineNumber(expat), kMaxDepth)));
    return;
  }
  Element element;
  element.name = local_name(name);
  if (!grow(element.name.size())) return;
  for (; *attributes != nullptr; attributes += 2) {
    std::string_view attribute = attributes[0];
    if (attribute == "xmlns" || attribute.starts_with("xmlns:")) continue;
    element.attributes.emplace_back(local_name(attribute), attributes[1]);
    if (!grow(attribute.size() + element.attributes.back().second.size())) {
      return;
    }
  }
  open.push_back(std::move(element));
  if (record_depth == 0 && open.size() == path.size() && on_path()) {
    record_depth = open.size();
    record_bytes = 0;
  }
}

void XmlRecords::Parser::close_element() {
  Element element = std::move(open.back());
  open.pop_back();
  if (record_depth == open.size() + 1) {
    record_depth = 0;
    finish_record(std::move(element));
    record_bytes = 0;
    return;
  }
  if (open.empty()) return;
  if (record_depth > 0 || !on_path()) {
    open.back().children.push_back(std::move(element));
    return;
  }
  record_bytes = 0;
  around_changed = true;
  // A level of the path ends with what it said.
  bool level =
      open.size() + 1 < path.size() && element.name == path[open.size()];
  if (!level) keep_around(std::move(element));
}

// Of the elements beside records the last of each name is kept, so that a
// document of any length needs bounded memory.
void XmlRecords::Parser::keep_around(Element element) {
  constexpr size_t kMaxNames = 1000;
  std::vector<Element>& kept = open.back().children;
  auto same = std::ranges::find(kept, element.name, &Element::name);
  if (same != kept.end()) {
    *same = std::move(element);
  } else if (kept.size() < kMaxNames) {
    kept.push_back(std::move(element));
  } else {
    stop(Error{ErrorCode::kLimit,
               fmt::format("line {}: more than {} kinds of elements beside the "
                           "records",
                           XML_GetCurrentLineNumber(expat), kMaxNames)});
  }
}

void XmlRecords::Parser::add_text(const char* text, int size) {
  if (open.empty() || !grow(static_cast<size_t>(size))) return;
  open.back().text.append(text, static_cast<size_t>(size));
}

// From the inside of the root on: each level's own elements, and the next
// level inside it.
void XmlRecords::Parser::write_around() {
  if (!around_changed) return;
  around_changed = false;
  around.clear();
  around.open(Kind::kObject, {});
  for (size_t i = 0; i < open.size(); ++i) {
    if (i > 0) around.open(Kind::kObject, around.keep(open[i].name));
    write_inside(open[i], around);
  }
  for (size_t i = 1; i < open.size(); ++i) around.close();
  around.close();
}

void XmlRecords::Parser::finish_record(Element element) {
  write_around();
  record.clear();
  record.open(Kind::kObject, {});
  write_inside(element, record);
  std::string_view text = trim(element.text);
  if (!text.empty()) record.leaf(Kind::kText, "#text", record.keep(text));
  record.close();
  // Line ends between records are nothing that was said.
  if (!open.empty() && trim(open.back().text).empty()) open.back().text.clear();
  Status used = use(record, around);
  if (!used) stop(used.error());
}

void XmlRecords::Parser::start() {
  if (expat != nullptr) XML_ParserFree(expat);
  expat = XML_ParserCreate(nullptr);
  status = {};
  open.clear();
  record_depth = 0;
  record_bytes = 0;
  around_changed = true;
  XML_SetUserData(expat, this);
  XML_SetElementHandler(
      expat,
      [](void* self, const char* name, const char** attributes) {
        static_cast<Parser*>(self)->open_element(name, attributes);
      },
      [](void* self, const char*) {
        auto* parser = static_cast<Parser*>(self);
        if (parser->status) parser->close_element();
      });
  XML_SetCharacterDataHandler(
      expat, [](void* self, const char* text, int size) {
        static_cast<Parser*>(self)->add_text(text, size);
      });
  XML_SetStartDoctypeDeclHandler(
      expat, [](void* self, const char*, const char*, const char*, int) {
        static_cast<Parser*>(self)->stop(
            invalid("the document has a DOCTYPE, which is not read"));
      });
}

XmlRecords::XmlRecords(std::unique_ptr<Parser> parser)
    : parser_(std::move(parser)) {}
XmlRecords::~XmlRecords() = default;

Result<std::unique_ptr<XmlRecords>> XmlRecords::make(std::string_view path,
                                                     Use use) {
  auto parser = std::make_unique<Parser>();
  std::string_view rest = path;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  while (!rest.empty()) {
    size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view name = rest.substr(0, slash);
    if (name.empty()) break;
    parser->path.emplace_back(name);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  if (parser->path.empty() || !rest.empty() || path.ends_with('/')) {
    return invalid("not a path of records like /inventory/item: " +
                   shorten(path));
  }
  parser->use = std::move(use);
  parser->start();
  return std::unique_ptr<XmlRecords>(new XmlRecords(std::move(parser)));
}

void XmlRecords::reset() { parser_->start(); }

Status XmlRecords::push(std::string_view bytes, bool last) {
  constexpr size_t kStep = 1 << 30;
  do {
    std::string_view part = bytes.substr(0, kStep);
    bytes.remove_prefix(part.size());
    auto code =
        XML_Parse(parser_->expat, part.data(), static_cast<int>(part.size()),
                  last && bytes.empty() ? 1 : 0);
    if (!parser_->status) return parser_->status;
    if (code != XML_STATUS_OK) {
      return invalid(
          fmt::format("line {}: {}", XML_GetCurrentLineNumber(parser_->expat),
                      XML_ErrorString(XML_GetErrorCode(parser_->expat))));
    }
  } while (!bytes.empty());
  return {};
}

}  // namespace freshet
