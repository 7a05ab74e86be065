#include "server/model/secret_reference.h"

#include <cstdlib>

#include "server/model/config_file.h"

namespace freshet {
namespace {

constexpr size_t kMaxSecretBytes = 65536;
constexpr std::string_view kFile = "file:";

Result<std::string> secret_from_file(const std::string& path) {
  auto value = read_config_file(path, kMaxSecretBytes);
  if (!value) {
    return invalid("the secret's file " + value.error().message + ": " + path);
  }
  while (value->ends_with('\n') || value->ends_with('\r')) value->pop_back();
  // Also what a file is for a moment while it is written anew.
  if (value->empty()) return invalid("the secret's file is empty: " + path);
  return std::move(*value);
}

Result<std::string> one_secret(std::string_view reference) {
  if (reference.starts_with("env:")) {
    std::string name(reference.substr(4));
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return invalid("the environment variable is not set: " + name);
    }
    return std::string(value);
  }
  if (reference.starts_with(kFile)) {
    return secret_from_file(std::string(reference.substr(kFile.size())));
  }
  return invalid("a reference is ${env:NAME} or ${file:PATH}, not ${" +
                 std::string(reference) + "}");
}

}  // namespace

Result<std::string> resolve_secrets(std::string_view text) {
  std::string out;
  while (true) {
    size_t begin = text.find("${");
    if (begin == std::string_view::npos) break;
    size_t end = text.find('}', begin);
    if (end == std::string_view::npos) {
      return invalid("a reference lacks its '}': ${...");
    }
    out += text.substr(0, begin);
    TRY_ASSIGN(std::string value,
               one_secret(text.substr(begin + 2, end - begin - 2)));
    out += value;
    text.remove_prefix(end + 1);
  }
  out += text;
  return out;
}

void note_secret_files(std::string_view text, std::set<std::string>& paths) {
  constexpr std::string_view kBegin = "${file:";
  size_t at = text.find(kBegin);
  for (; at != std::string_view::npos; at = text.find(kBegin, at)) {
    at += kBegin.size();
    std::string_view path = text.substr(at, text.find('}', at) - at);
    if (path.find('\n') == path.npos) paths.emplace(path);
  }
}

}  // namespace freshet
