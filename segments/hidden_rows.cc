#include "segments/hidden_rows.h"

namespace freshet {
namespace {

HiddenRows::Rows joined(const HiddenRows::Rows& a, const Bitmap& b) {
  return std::make_shared<const Bitmap>(a == nullptr ? b.clone() : *a | b);
}

}  // namespace

void HiddenRows::add(uint64_t generation, const Bitmap& rows) {
  Rows& part = parts_[generation];
  part = joined(part, rows);
  all_ = parts_.size() == 1 ? part : joined(all_, rows);
}

HiddenRows::Rows HiddenRows::up_to(uint64_t generation) const {
  Rows rows;
  for (const auto& [number, part] : parts_) {
    if (number > generation) break;
    rows = rows == nullptr ? part : joined(rows, *part);
  }
  return rows;
}

bool HiddenRows::unsettled_up_to(uint64_t generation) const {
  auto first = parts_.upper_bound(0);
  return first != parts_.end() && first->first <= generation;
}

void HiddenRows::settle(uint64_t generation) {
  Rows durable = up_to(generation);
  if (durable == nullptr) return;
  parts_.erase(parts_.begin(), parts_.upper_bound(generation));
  parts_[0] = durable;
}

void HiddenRows::take_back() {
  parts_.erase(parts_.upper_bound(0), parts_.end());
  all_ = parts_.empty() ? nullptr : parts_.begin()->second;
}

}  // namespace freshet
