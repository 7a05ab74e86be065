#include <doctest/doctest.h>

#include "server/alert/data_clock.h"

namespace freshet {
namespace {

constexpr int64_t kStart = 1'000'000'000;

Timestamp second(double s) {
  return Timestamp{kStart + static_cast<int64_t>(s * 1000)};
}

TEST_CASE("the clock is the watermark while events come") {
  DataClock clock;
  CHECK(clock.at(kMinTimestamp, true, second(0)) == kMinTimestamp);
  for (int s = 0; s < 10; ++s) {
    // Five seconds late, as the source always is.
    CHECK(clock.at(second(s - 5), true, second(s)) == second(s - 5));
  }
}

TEST_CASE("after two seconds of silence it goes on, as late as it was") {
  DataClock clock;
  CHECK(clock.at(second(-5), true, second(0)) == second(-5));
  CHECK(clock.at(second(-5), true, second(2)) == second(-5));
  CHECK(clock.at(second(-5), true, second(3)) == second(-4));
  CHECK(clock.at(second(-5), true, second(100)) == second(93));
  // An event of the time between does not turn it back.
  CHECK(clock.at(second(40), true, second(101)) == second(93));
  CHECK(clock.at(second(96), true, second(102)) == second(96));
}

TEST_CASE("it stands still while the source cannot be read") {
  DataClock clock;
  clock.at(second(0), true, second(0));
  CHECK(clock.at(second(0), true, second(10)) == second(8));
  for (int s = 11; s < 500; ++s) {
    CHECK(clock.at(second(0), false, second(s)) == second(8));
  }
  CHECK(clock.at(second(0), true, second(500)) == second(8));
  CHECK(clock.at(second(0), true, second(502)) == second(9));  // read to 499
}

TEST_CASE("of a source that delivers now and then, silence says less") {
  DataClock clock;
  for (int s = 0; s < 300; s += 30) {
    CHECK(clock.at(second(s), true, second(s)) == second(s));
    CHECK(clock.at(second(s), true, second(s + 20)).ms <= second(s + 18).ms);
  }
  // 30 seconds of pause are usual: nothing is concluded from 60.
  CHECK(clock.at(second(270), true, second(330)) == second(270));
  CHECK(clock.at(second(270), true, second(340)) == second(280));
  // Never more than ten minutes.
  DataClock slow;
  slow.at(second(0), true, second(0));
  slow.at(second(40'000), true, second(40'000));
  CHECK(slow.at(second(40'000), true, second(40'600)) == second(40'000));
  CHECK(slow.at(second(40'000), true, second(40'610)) == second(40'010));
}

TEST_CASE("after a restart it is not before what it has said") {
  DataClock clock(second(50));
  CHECK(clock.at(kMinTimestamp, true, second(60)) == kMinTimestamp);
  CHECK(clock.at(second(20), true, second(60)) == second(50));
  CHECK(clock.at(second(55), true, second(61)) == second(55));
}

}  // namespace
}  // namespace freshet
