#include "segments/timeline.h"

namespace freshet {

std::shared_ptr<const Timeline> frozen(const Timeline& timeline) {
  auto out = std::make_shared<Timeline>(timeline);
  out->live.clear();
  for (const auto& live : timeline.live) {
    auto rows = live->snapshot();
    if (rows->num_rows() > 0) out->sealed.push_back(std::move(rows));
  }
  return out;
}

}  // namespace freshet
