#include "server/model/secret_reference.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace freshet {
namespace {

constexpr size_t kMaxSecretBytes = 65536;

Result<std::string> secret_from_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string value;
  char buffer[4096];
  while (file && value.size() <= kMaxSecretBytes) {
    file.read(buffer, sizeof(buffer));
    value.append(buffer, static_cast<size_t>(file.gcount()));
  }
  if (!file.eof() || value.size() > kMaxSecretBytes) {
    return invalid("the secret's file cannot be read: " + path);
  }
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) {
    value.pop_back();
  }
  return value;
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
  if (reference.starts_with("file:")) {
    return secret_from_file(std::string(reference.substr(5)));
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

}  // namespace freshet
