#include "segments/column_derivation.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "segments/dictionary_order.h"

namespace freshet {
namespace {

constexpr uint32_t kMaxBaseIds = 65536;
constexpr uint32_t kUnset = UINT32_MAX;

struct Candidate {
  size_t position;
  const Column* column;
  uint32_t ids;
};

// String columns, the one with most ids first.
Result<std::vector<Candidate>> candidates(const Segment& segment) {
  std::vector<Candidate> found;
  const std::vector<ColumnSpec>& specs = segment.schema().columns;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].type.kind != ColumnKind::kString) continue;
    if (specs[i].high_cardinality) continue;
    TRY_ASSIGN(const Column* column, segment.column(specs[i].name));
    uint32_t ids = column->dictionary()->size();
    if (ids <= kMaxBaseIds) found.push_back({i, column, ids});
  }
  std::sort(found.begin(), found.end(),
            [](const Candidate& a, const Candidate& b) {
              return std::tie(b.ids, a.position) < std::tie(a.ids, b.position);
            });
  return found;
}

bool worth_it(const Candidate& base, const Candidate& derived,
              uint32_t num_rows) {
  uint64_t width = std::bit_width(derived.ids - 1);
  return uint64_t{base.ids} * sizeof(uint32_t) * 4 <=
         uint64_t{num_rows} * width / 8;
}

// derived id by base id, as far as rows have them; nothing if two rows differ.
std::optional<std::vector<uint32_t>> mapping(const Segment& segment,
                                             const Candidate& base,
                                             const Candidate& derived) {
  std::vector<uint32_t> map(base.ids, kUnset);
  std::vector<uint32_t> from(kBlockRows), to(kBlockRows);
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    base.column->read_ids(block, from.data());
    derived.column->read_ids(block, to.data());
    for (uint32_t i = 0; i < segment.block_rows(block); ++i) {
      uint32_t& known = map[from[i]];
      if (known == kUnset) known = to[i];
      if (known != to[i]) return std::nullopt;
    }
  }
  return map;
}

// The same by the ids of the file.
std::vector<uint32_t> in_file(const Candidate& base, const Candidate& derived,
                              const std::vector<uint32_t>& map) {
  std::vector<uint8_t> used_from(base.ids), used_to(derived.ids);
  for (uint32_t id = 0; id < base.ids; ++id) {
    if (map[id] == kUnset) continue;
    used_from[id] = 1;
    used_to[map[id]] = 1;
  }
  auto from = DictionaryOrder::of(*base.column->dictionary(), used_from);
  auto to = DictionaryOrder::of(*derived.column->dictionary(), used_to);
  std::vector<uint32_t> ids(from.size());
  for (uint32_t id = 0; id < base.ids; ++id) {
    if (map[id] != kUnset) ids[from.rank[id]] = to.rank[map[id]];
  }
  return ids;
}

}  // namespace

Result<std::vector<std::optional<Derivation>>> find_derivations(
    const Segment& segment) {
  TRY_ASSIGN(std::vector<Candidate> all, candidates(segment));
  std::vector<std::optional<Derivation>> found(segment.schema().columns.size());
  for (size_t i = 1; i < all.size(); ++i) {
    for (size_t base = 0; base < i; ++base) {
      if (found[all[base].position]) continue;
      if (!worth_it(all[base], all[i], segment.num_rows())) continue;
      auto map = mapping(segment, all[base], all[i]);
      if (!map) continue;
      found[all[i].position] =
          Derivation{all[base].position, in_file(all[base], all[i], *map)};
      break;
    }
  }
  return found;
}

}  // namespace freshet
