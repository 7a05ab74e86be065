#include "segments/row_moves.h"

namespace freshet {

std::vector<std::vector<uint32_t>> new_places(
    std::span<const MaskedInput> inputs, std::span<const uint32_t> order) {
  std::vector<uint32_t> place(order.size());
  for (uint32_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  std::vector<std::vector<uint32_t>> places;
  uint32_t next = 0;
  for (const auto& [segment, hidden] : inputs) {
    std::vector<uint32_t>& rows = places.emplace_back(segment->num_rows());
    std::vector<uint32_t> left_out;
    if (hidden != nullptr) left_out = hidden->to_vector();
    auto out = left_out.begin();
    for (uint32_t row = 0; row < rows.size(); ++row) {
      if (out != left_out.end() && *out == row) {
        rows[row] = kNoRow;
        ++out;
      } else {
        rows[row] = place.empty() ? next : place[next];
        ++next;
      }
    }
  }
  return places;
}

}  // namespace freshet
