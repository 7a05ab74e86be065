#include "server/api/saved_views.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "segments/time.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr std::string_view kPrefix = "view/";

// FNV-1a: a name for the address of the view that a title always gets.
std::string id_of(std::string_view title) {
  uint64_t hash = 14695981039346656037u;
  for (unsigned char c : title) hash = (hash ^ c) * 1099511628211u;
  std::string id(16, '0');
  for (size_t i = id.size(); i-- > 0; hash >>= 4) {
    id[i] = "0123456789abcdef"[hash & 15];
  }
  return id;
}

Result<std::string> text_of(const JsonValue& body, std::string_view key,
                            size_t most, bool needed) {
  const JsonValue* value = body.find(key);
  if (!value) {
    if (needed) {
      return at_path(key,
                     invalid("the key '" + std::string(key) + "' is missing"));
    }
    return std::string();
  }
  const std::string* text = value->as_string();
  if (!text || text->size() > most || (needed && text->empty())) {
    return at_path(key, invalid("'" + std::string(key) + "' is a text of " +
                                (needed ? "1" : "0") + " to " +
                                std::to_string(most) + " bytes, not " +
                                (text ? "one of " + std::to_string(text->size())
                                      : std::string(value->type_name()))));
  }
  return *text;
}

// A page of this server and no other: a view must not lead elsewhere.
bool is_page(std::string_view address) {
  if (!address.starts_with('/') || address.starts_with("//")) return false;
  return std::none_of(address.begin(), address.end(), [](unsigned char c) {
    return c <= ' ' || c == '\\' || c == 0x7f;
  });
}

Status check_keys(const JsonValue& body) {
  const JsonObject* object = body.as_object();
  if (!object) {
    return invalid(std::string("a view is an object, not ") + body.type_name());
  }
  const std::vector<std::string> known = {"title", "address", "description"};
  for (const auto& [key, value] : *object) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string near = nearest_name(key, known);
    return at_path(
        key, invalid("unknown key '" + key + "' in a view" +
                     (near.empty() ? "" : "; did you mean '" + near + "'?")));
  }
  return {};
}

}  // namespace

Result<std::string> SavedViews::list_json() const {
  std::vector<std::pair<std::string, std::string>> views;  // title, JSON
  TRY(metadata_.scan(
      kPrefix, "", [&views](std::string_view, std::string_view value) {
        auto json = parse_json(value);
        const JsonValue* title = json ? json->find("title") : nullptr;
        if (title && title->as_string()) {
          views.emplace_back(*title->as_string(), value);
        }
        return true;
      }));
  std::sort(views.begin(), views.end());
  JsonWriter out;
  out.begin_object().key("views").begin_array();
  for (const auto& [title, json] : views) out.raw(json);
  out.end_array().end_object();
  return out.take();
}

Result<std::string> SavedViews::save(const JsonValue& body) {
  TRY(check_keys(body));
  TRY_ASSIGN(std::string title, text_of(body, "title", kMostTitle, true));
  TRY_ASSIGN(std::string address, text_of(body, "address", kMostAddress, true));
  TRY_ASSIGN(std::string description,
             text_of(body, "description", kMostDescription, false));
  if (!is_page(address)) {
    return at_path("address",
                   invalid("'address' is a page of this server such as "
                           "/d/trading?range=today, not '" +
                           address + "'"));
  }
  std::string id = id_of(title);
  std::string key = std::string(kPrefix) + id;
  size_t others = 0;
  TRY(metadata_.scan(kPrefix, "", [&](std::string_view at, std::string_view) {
    others += at != key;
    return true;
  }));
  if (others >= kMost) {
    return Error{ErrorCode::kLimit,
                 "there are " + std::to_string(others) +
                     " views, as many as are kept; remove one first"};
  }
  JsonWriter out;
  out.begin_object().field("view", std::string_view(id));
  out.field("title", std::string_view(title));
  out.field("description", std::string_view(description));
  out.field("address", std::string_view(address));
  out.field("saved_at", std::string_view(to_iso8601(now()))).end_object();
  TRY(metadata_.put(key, out.text()));
  return out.take();
}

Status SavedViews::remove(const std::string& view) {
  std::string key = std::string(kPrefix) + view;
  TRY_ASSIGN(auto found, metadata_.get(key));
  if (!found) {
    return Error{ErrorCode::kNotFound, "there is no view '" + view + "'"};
  }
  return metadata_.remove(key);
}

}  // namespace freshet
