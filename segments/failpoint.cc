#include "segments/failpoint.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace freshet {
namespace {

struct Armed {
  std::string name;
  std::atomic<long> left{1};

  Armed() {
    const char* text = std::getenv("FRESHET_FAILPOINT");
    if (text == nullptr) return;
    name = text;
    size_t colon = name.rfind(':');
    if (colon == std::string::npos) return;
    left = std::atol(name.c_str() + colon + 1);
    name.resize(colon);
  }
};

}  // namespace

void failpoint(const char* name) {
  static Armed armed;  // the environment's, read once
  if (armed.name.empty() || std::string_view(name) != armed.name) return;
  if (armed.left.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace freshet
