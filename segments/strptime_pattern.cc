#include "segments/strptime_pattern.h"

namespace freshet {

std::string strptime_pattern(std::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    bool conversion = pattern[i] == '%' && i + 1 < pattern.size();
    out += pattern[i];
    if (!conversion) continue;
    out +=
        pattern[++i] == 'Y' ? std::string("E4Y") : std::string(1, pattern[i]);
  }
  return out;
}

}  // namespace freshet
