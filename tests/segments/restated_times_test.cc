#include "segments/restated_times.h"

#include <doctest/doctest.h>

#include <random>

#include "tests/support/row_model.h"

using namespace freshet;

namespace {

constexpr int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr int64_t kStart = 20'000 * kDay;

Interval span(int64_t from, int64_t to) {
  return {Timestamp{kStart + from}, Timestamp{kStart + to}};
}

void note(RestatedTimes& times, int64_t event, int64_t complete) {
  times.note(Timestamp{kStart + event}, Timestamp{kStart + complete});
}

}  // namespace

TEST_CASE("a bucket is restated if it was complete when an event came") {
  RestatedTimes times;
  CHECK_FALSE(times.covers(span(0, kDay)));
  note(times, 10 * kMinute, 2 * kHour);
  CHECK(times.covers(span(10 * kMinute, 11 * kMinute)));
  CHECK(times.covers(span(0, kHour)));
  CHECK(times.covers(span(0, 2 * kHour)));        // complete to its very end
  CHECK_FALSE(times.covers(span(0, 3 * kHour)));  // was open then
  CHECK_FALSE(times.covers(span(11 * kMinute, kHour)));
  CHECK_FALSE(times.covers(span(0, 10 * kMinute)));
  // An earlier claim takes nothing back, a later one adds.
  note(times, 10 * kMinute, kHour);
  CHECK(times.covers(span(0, 2 * kHour)));
  note(times, 10 * kMinute, kDay);
  CHECK(times.covers(span(0, 3 * kHour)));
}

TEST_CASE("what changed is kept, and days past retention are not") {
  TemporaryFolder folder;
  auto store = MetadataStore::open(folder.path() + "/metadata");
  REQUIRE(store.has_value());
  RestatedTimes times;
  note(times, 10 * kMinute, kDay);
  note(times, -3 * kDay, kDay);
  times.note(Timestamp{-5 * kDay - 1}, Timestamp{0});  // before 1970
  auto puts = times.take_changes("sales");
  CHECK(puts.size() == 3);
  REQUIRE((*store)->change(puts, {}).has_value());
  CHECK(times.take_changes("sales").empty());
  note(times, 11 * kMinute, kDay);
  puts = times.take_changes("sales");
  CHECK(puts.size() == 1);  // the whole day again
  REQUIRE((*store)->change(puts, {}).has_value());

  RestatedTimes again;
  REQUIRE(again.load(**store, "sales", kMinTimestamp).has_value());
  CHECK(again.covers(span(10 * kMinute, 11 * kMinute)));
  CHECK(again.covers(span(11 * kMinute, 12 * kMinute)));
  CHECK(again.covers(span(-3 * kDay, -2 * kDay)));
  CHECK(again.covers({Timestamp{-6 * kDay}, Timestamp{-5 * kDay}}));
  RestatedTimes newer;
  REQUIRE(newer.load(**store, "sales", Timestamp{kStart}).has_value());
  CHECK(newer.covers(span(0, kHour)));
  CHECK_FALSE(newer.covers(span(-3 * kDay, -2 * kDay)));
  RestatedTimes other;
  REQUIRE(other.load(**store, "sale", kMinTimestamp).has_value());
  CHECK_FALSE(other.covers(span(0, kHour)));

  for (const char* damaged : {"", "\x02", "\x01\x01"}) {
    REQUIRE((*store)->put("restated/sales/1", damaged).has_value());
    auto refused = RestatedTimes().load(**store, "sales", kMinTimestamp);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("memory is bounded: the newest minutes stay") {
  RestatedTimes times;
  constexpr auto kMost = static_cast<int64_t>(RestatedTimes::kMostMinutes);
  for (int64_t i = 0; i < kMost + 10; ++i) {
    note(times, i * kMinute, (i + 1) * kMinute);
  }
  CHECK_FALSE(times.covers(span(0, kMinute)));
  CHECK_FALSE(times.covers(span(9 * kMinute, 10 * kMinute)));
  CHECK(times.covers(span(10 * kMinute, 11 * kMinute)));
  CHECK(times.covers(span((kMost + 9) * kMinute, (kMost + 10) * kMinute)));
}
