#include "server/http/target.h"

#include <cstdint>
#include <optional>

namespace freshet {
namespace {

constexpr size_t kMaxParameters = 256;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte of "%XX" at `at`, or nothing.
std::optional<char> escaped_byte(std::string_view text, size_t at) {
  if (at + 2 >= text.size()) return std::nullopt;
  int high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// Length of the UTF-8 sequence at `at`, or 0 if it is not well formed
// (overlong, surrogate, above U+10FFFF, cut).
size_t sequence_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t lead = byte(at);
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  uint8_t second = byte(at + 1);
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

Error malformed(const char* what, std::string_view text) {
  return invalid(std::string(what) + ": " + std::string(text));
}

Result<std::string> decode_path(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      auto byte = escaped_byte(text, i);
      if (!byte) return malformed("broken escape in the path", text);
      i += 2;
      // The two that would change the meaning of the path when decoded.
      if (*byte == '/') {
        out += "%2F";
        continue;
      }
      if (*byte == '%') {
        out += "%25";
        continue;
      }
      c = *byte;
    }
    if (is_control(c)) return malformed("control character in the path", text);
    out += c;
  }
  if (!is_utf8(out)) return malformed("the path is not UTF-8", text);
  return out;
}

Status check_parts(std::string_view path) {
  size_t start = 1;
  while (start < path.size()) {
    size_t end = path.find('/', start);
    if (end == std::string_view::npos) end = path.size();
    std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") {
      return malformed("the path is not canonical", path);
    }
    start = end + 1;
  }
  return {};
}

// Form encoding: '+' is a blank.
Result<std::string> decode_query_text(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') c = ' ';
    if (c == '%') {
      auto byte = escaped_byte(text, i);
      if (!byte) return malformed("broken escape in the query", text);
      i += 2;
      c = *byte;
    }
    if (c == '\0') return malformed("NUL in the query", text);
    out += c;
  }
  if (!is_utf8(out)) return malformed("the query is not UTF-8", text);
  return out;
}

Status decode_query(std::string_view text, Target& target) {
  while (!text.empty()) {
    std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    if (target.query.size() == kMaxParameters) {
      return invalid("more than 256 query parameters");
    }
    size_t equals = pair.find('=');
    TRY_ASSIGN(auto name, decode_query_text(pair.substr(0, equals)));
    std::string value;
    if (equals != std::string_view::npos) {
      TRY_ASSIGN(value, decode_query_text(pair.substr(equals + 1)));
    }
    target.query.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

// Cuts "http://HOST" off; the rest starts with '/'.
std::string_view cut_authority(std::string_view text, Target& target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    size_t end = std::min(text.find_first_of("/?"), text.size());
    target.authority = text.substr(0, end);
    text.remove_prefix(end);
    return text.empty() ? std::string_view("/") : text;
  }
  return text;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
  Target target;
  std::string_view rest = cut_authority(text, target);
  if (rest.empty() || rest[0] != '/' ||
      rest.find('#') != std::string_view::npos) {
    return malformed("the request target is not a path", text);
  }
  std::string_view path = rest.substr(0, rest.find('?'));
  TRY_ASSIGN(target.path, decode_path(path));
  TRY(check_parts(target.path));
  if (path.size() < rest.size()) {
    TRY(decode_query(rest.substr(path.size() + 1), target));
  }
  return target;
}

std::string decode_part(std::string_view part) {
  std::string out;
  for (size_t i = 0; i < part.size(); ++i) {
    auto byte = part[i] == '%' ? escaped_byte(part, i) : std::nullopt;
    out += byte ? *byte : part[i];
    if (byte) i += 2;
  }
  return out;
}

}  // namespace freshet
