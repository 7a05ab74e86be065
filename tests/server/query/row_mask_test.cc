// The vectorised tests of a block keep the rows that the scalar ones keep.
#include "server/query/row_mask.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

namespace freshet::test {
namespace {

RowMask all(uint32_t rows) {
  RowMask mask;
  fill_mask(rows, mask);
  return mask;
}

TEST_CASE("masks of no row, of one, of odd sizes, and of a whole block") {
  for (uint32_t rows : {0u, 1u, 63u, 64u, 65u, 100u, 4095u, kBlockRows}) {
    RowMask mask = all(rows);
    CHECK(count_rows(mask) == rows);
    std::vector<uint16_t> positions;
    mask_positions(mask, positions);
    REQUIRE(positions.size() == rows);
    for (uint32_t i = 0; i < rows; ++i) REQUIRE(positions[i] == i);
  }
}

TEST_CASE("ranges of values, to the ends of int64") {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  std::mt19937_64 random(7);
  std::vector<int64_t> values(kBlockRows);
  const int64_t ends[] = {kLeast, kLeast + 1, -1, 0, 1, 9, kMost - 1, kMost};
  for (int round = 0; round < 200; ++round) {
    const auto rows = static_cast<uint32_t>(random() % (kBlockRows + 1));
    for (int64_t& v : values) {
      v = random() % 4 ? static_cast<int64_t>(random() % 20) - 10
                       : ends[random() % std::size(ends)];
    }
    const int64_t low = ends[random() % std::size(ends)];
    const int64_t high = ends[random() % std::size(ends)];
    RowMask got = all(rows), expected = got;
    got[0] &= expected[0] &= random();  // rows that failed before
    keep_range(values.data(), rows, low, high, got);
    keep_range_scalar(values.data(), rows, low, high, expected);
    REQUIRE(got == expected);
  }
}

TEST_CASE("ids: ranges, members, and the rows that are dropped") {
  std::mt19937_64 random(8);
  std::vector<uint32_t> ids(kBlockRows);
  for (int round = 0; round < 200; ++round) {
    const auto rows = static_cast<uint32_t>(random() % (kBlockRows + 1));
    // Within a vector's words, within 512, and beyond.
    const auto size =
        static_cast<uint32_t>(1 + random() % (round % 3 == 0   ? 128
                                              : round % 3 == 1 ? 520
                                                               : 5000));
    IdSet member(size);
    uint32_t count = 0;
    for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % size);
    for (uint32_t id = 0; id < size; ++id) {
      if (random() % 2 == 0) continue;
      member.add(id);
      ++count;
    }
    REQUIRE(member.count() == count);
    const auto low = static_cast<uint32_t>(random() % size);
    const auto high = static_cast<uint32_t>(random() % size);
    RowMask got = all(rows), expected = got;
    keep_id_range(ids.data(), rows, low, high, got);
    keep_id_range_scalar(ids.data(), rows, low, high, expected);
    REQUIRE(got == expected);

    RowMask members = all(rows);
    keep_members(ids.data(), rows, member, members);
    RowMask plain = all(rows);
    keep_members_scalar(ids.data(), rows, member, plain);
    REQUIRE(members == plain);
    std::vector<uint16_t> kept, wanted;
    mask_positions(members, kept);
    for (uint32_t i = 0; i < rows; ++i) {
      if (member.contains(ids[i])) wanted.push_back(static_cast<uint16_t>(i));
    }
    REQUIRE(kept == wanted);

    RowMask dropped = all(rows);
    drop_rows(members.data(), dropped);
    REQUIRE(count_rows(dropped) == rows - wanted.size());
  }
}

}  // namespace
}  // namespace freshet::test
