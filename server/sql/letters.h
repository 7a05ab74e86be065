// ASCII letters without regard to case, as SQL compares unquoted names.
#pragma once

#include <absl/strings/ascii.h>

#include <string>
#include <string_view>

namespace freshet {

inline std::string to_lower(std::string_view text) {
  std::string out(text);
  absl::AsciiStrToLower(&out);
  return out;
}

inline bool same_letters(std::string_view a, std::string_view b) {
  return a.size() == b.size() && to_lower(a) == to_lower(b);
}

}  // namespace freshet
