// Tables that number keys, against std::unordered_map; and that they, and what
// fills them with rows, look at the query's control often enough.
#include "server/query/key_table.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <map>
#include <numeric>
#include <random>
#include <unordered_map>

#include "server/query/id_table.h"
#include "server/query/row_join.h"
#include "server/query/row_key.h"
#include "server/query/row_set.h"
#include "server/query/value_map.h"

namespace freshet {
namespace {

constexpr size_t kRowsPerLook = 40'000;

// Keys of one home slot and of neighbouring ones, and keys that differ in the
// lower half alone.
ContentHash random_key(int shape, std::mt19937_64& random) {
  const uint64_t low = random() % 3;
  if (shape == 0) return {random(), random()};
  if (shape == 1) return {random() % 5000 << 44, low};
  if (shape == 2) return {7, random() % 5000};
  if (shape == 3) return {~uint64_t{0} - random() % 5000, low};  // wraps around
  return hash_contents(fmt::format("key {}", random() % 5000));
}

TEST_CASE("a key table numbers keys as a map does, also of equal hashes") {
  std::mt19937_64 random(5);
  for (int shape = 0; shape < 5; ++shape) {
    CAPTURE(shape);
    KeyTable table;
    std::map<std::pair<uint64_t, uint64_t>, uint32_t> model;
    for (int i = 0; i < 20'000; ++i) {
      const ContentHash key = random_key(shape, random);
      const std::pair<uint64_t, uint64_t> known(key.high, key.low);
      const auto at = model.find(known);
      const uint32_t found = table.find(key);
      REQUIRE(found == (at == model.end() ? KeyTable::kNone : at->second));
      if (random() % 2 == 0) continue;
      if (random() % 64 == 0) {
        REQUIRE(table.make_room(random() % 3000, nullptr).has_value());
      }
      const auto [id, added] = table.find_or_add(key);
      REQUIRE(added == (at == model.end()));
      REQUIRE(id == model.emplace(known, model.size()).first->second);
      REQUIRE(table.size() == model.size());
    }
  }
}

TEST_CASE("an id table numbers keys as a map does") {
  std::mt19937_64 random(6);
  for (uint64_t mask :
       {uint64_t{0xfff}, uint64_t{0x7fff} << 49, ~uint64_t{0}}) {
    IdTable table;
    std::unordered_map<uint64_t, uint32_t> model;
    for (int i = 0; i < 60'000; ++i) {
      const uint64_t key = random() & mask;
      REQUIRE(table.find_or_add(key) ==
              model.emplace(key, model.size()).first->second);
    }
    REQUIRE(table.size() == model.size());
    for (const auto& [key, id] : model) REQUIRE(table.keys()[id] == key);
  }
}

TEST_CASE("hashes of contents and of numbers tell them apart") {
  CHECK(hash_contents("a") == hash_contents("a"));
  CHECK_FALSE(hash_contents("a") == hash_contents("b"));
  CHECK_FALSE(hash_contents("") == hash_contents(std::string(1, '\0')));
  CHECK_FALSE(hash_number(uint64_t{1}) == hash_number(uint64_t{2}));
}

CancelFlag flag(bool cancelled) {
  return std::make_shared<std::atomic<bool>>(cancelled);
}

template <class Table, class Add>
void check_growth(Add add) {
  constexpr uint64_t kKeys = 300'000;
  Table table;
  for (uint64_t i = 0; i < kKeys; ++i) add(table, i);
  const uint64_t bytes = table.memory_bytes();
  const QueryControl stopped({}, flag(true));
  const auto refused = table.make_room(kKeys * 4, &stopped);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kCancelled);
  CHECK(table.memory_bytes() == bytes);
  const QueryControl control({}, nullptr);
  REQUIRE(table.make_room(kKeys * 4, &control).has_value());
  CHECK(control.looks() >= kKeys / kRowsPerLook);
  const uint64_t looks = control.looks();
  for (uint64_t i = 0; i < kKeys * 5; ++i) REQUIRE(add(table, i) == i);
  REQUIRE(table.make_room(0, &control).has_value());
  CHECK(control.looks() == looks);  // there was room
  CHECK(table.size() == kKeys * 5);
}

TEST_CASE("tables grow in pieces, or stay as they are") {
  check_growth<IdTable>(
      [](IdTable& table, uint64_t i) { return table.find_or_add(i * 977); });
  check_growth<KeyTable>([](KeyTable& table, uint64_t i) {
    return table.find_or_add(hash_number(i)).first;
  });
}

constexpr size_t kRows = 300'000;

// (number modulo `distinct`, a text of it)
ValueRows made_rows(size_t distinct) {
  ValueRows rows;
  for (size_t i = 0; i < kRows; ++i) {
    const auto number = static_cast<int64_t>(i % distinct);
    rows.push_back({Value(number), Value(fmt::format("text {}", number))});
  }
  return rows;
}

// Looks come often enough, and the work ends where one says so.
template <class Work>
void check_stops(size_t passes, Work work) {
  QueryControl control({}, nullptr);
  REQUIRE(work(control).has_value());
  CHECK(control.looks() >= passes * (kRows / kRowsPerLook));
  QueryControl cancelled({}, flag(true));
  auto stopped = work(cancelled);
  REQUIRE(!stopped.has_value());
  CHECK(stopped.error().code == ErrorCode::kCancelled);
}

TEST_CASE("DISTINCT, INTERSECT and EXCEPT: the first of each, in order") {
  QueryControl control({}, nullptr);
  auto rows = [](std::vector<int> numbers) {
    ValueRows out;
    for (int n : numbers) out.push_back({Value(int64_t{n}), Value("x")});
    return out;
  };
  ValueRows some = rows({3, 1, 3, 2, 1});
  REQUIRE(drop_repeats(some, 2, control).has_value());
  CHECK(some == rows({3, 1, 2}));
  REQUIRE(drop_repeats(some, 0, control).has_value());
  CHECK(some == rows({3}));
  ValueRows common = rows({5, 4, 5, 7, 4}), rest = common;
  REQUIRE(keep_common(common, rows({4, 9, 4}), true, control).has_value());
  CHECK(common == rows({4}));
  REQUIRE(keep_common(rest, rows({4, 9, 4}), false, control).has_value());
  CHECK(rest == rows({5, 7}));
}

TEST_CASE("rows are told apart in pieces") {
  for (size_t distinct : {size_t{1000}, kRows}) {
    const ValueRows rows = made_rows(distinct);
    check_stops(1, [&](QueryControl& control) {
      ValueRows some = rows;
      return drop_repeats(some, 2, control);
    });
    check_stops(2, [&](QueryControl& control) {
      ValueRows some = rows;
      return keep_common(some, rows, true, control);
    });
    check_stops(2, [&](QueryControl& control) {
      return join_rows(rows, {0, 1}, made_rows(kRows), {0, 1}, control);
    });
  }
  check_stops(2, [](QueryControl& control) -> Status {
    std::vector<RowPair> pairs;
    TRY(add_unmatched(pairs, kRows, true, kRows, true, control));
    CHECK(pairs.size() == 2 * kRows);
    return {};
  });
}

TEST_CASE("rows that are told apart charge their memory") {
  Limits limits;
  limits.max_memory_bytes = 1 << 20;
  QueryControl control(limits, nullptr);
  ValueRows rows = made_rows(kRows);
  const auto refused = drop_repeats(rows, 2, control);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == ErrorCode::kLimit);
}

TEST_CASE("an index of keys is made in pieces, and finds the first of each") {
  std::vector<Value> keys;
  for (const auto& row : made_rows(kRows / 2)) keys.push_back(row[1]);
  keys[3] = Value();
  check_stops(1, [&](QueryControl& control) {
    return KeyIndex::create({ValueType::kString}, keys, &control);
  });
  check_stops(
      1, [&](QueryControl& control) { return fingerprint(keys, &control); });
  auto index = *KeyIndex::create({ValueType::kString}, keys);
  CHECK_FALSE(index->unique());
  CHECK(index->find(Value("text 2")) == 2);
  CHECK(index->find(Value("text 3")) == kRows / 2 + 3);  // the other was null
  CHECK(index->find(Value("text 4")) == 4);
  CHECK(index->find(Value("text x")) == KeyIndex::kNone);
  auto texts = make_vector({ValueType::kString}, 40);
  for (size_t i = 0; i < 40; ++i) {
    texts->set(i, keys[i == 7 ? 3 : i * 5]);
  }
  const auto found = index->find_all(*texts, 40);
  for (size_t i = 0; i < 40; ++i) {
    CHECK(found[i] == (i == 7 ? KeyIndex::kNone : i * 5));
  }
}

TEST_CASE("lists of other contents have other fingerprints") {
  const std::vector<Value> ab = {Value("a"), Value("b")};
  const std::vector<Value> swapped = {Value("b"), Value("a")};
  CHECK(*fingerprint(ab, nullptr) == *fingerprint(ab, nullptr));
  CHECK(*fingerprint(ab, nullptr) != *fingerprint(swapped, nullptr));
  CHECK(*fingerprint(ab, nullptr) !=
        *fingerprint(std::vector<Value>{Value("a")}, nullptr));
}

}  // namespace
}  // namespace freshet
