// Whose turn it is when more requests come than may run.
#include "server/http/fair_turns.h"

#include <doctest/doctest.h>

#include <vector>

namespace freshet {
namespace {

using Place = FairTurns::Place;

struct Queue {
  FairTurns turns;
  std::vector<std::string> ran;

  Place enter(const std::string& client, const std::string& name) {
    Place place = turns.enter(client, [this, name] { ran.push_back(name); });
    if (place == Place::kRuns) ran.push_back(name);
    return place;
  }
};

TEST_CASE("as many run at once as may, and the next when one ends") {
  Queue queue{FairTurns(2, 10), {}};
  CHECK(queue.enter("a", "1") == Place::kRuns);
  CHECK(queue.enter("a", "2") == Place::kRuns);
  CHECK(queue.enter("a", "3") == Place::kWaits);
  CHECK(queue.turns.waiting() == 1);
  queue.turns.leave();
  CHECK(queue.ran == std::vector<std::string>{"1", "2", "3"});
  CHECK(queue.turns.waiting() == 0);
  queue.turns.leave();
  queue.turns.leave();
  CHECK(queue.enter("a", "4") == Place::kRuns);
  CHECK(queue.enter("a", "5") == Place::kRuns);
  CHECK(queue.enter("a", "6") == Place::kWaits);
}

TEST_CASE("clients take turns, however many each has waiting") {
  Queue queue{FairTurns(1, 10), {}};
  queue.enter("a", "a1");
  for (const char* name : {"a2", "a3", "a4"}) queue.enter("a", name);
  queue.enter("b", "b1");
  queue.enter("c", "c1");
  queue.enter("b", "b2");
  for (int i = 0; i < 6; ++i) queue.turns.leave();
  CHECK(queue.ran ==
        std::vector<std::string>{"a1", "a2", "b1", "c1", "a3", "b2", "a4"});
}

TEST_CASE("a client whose limit of waiting requests is reached is refused") {
  Queue queue{FairTurns(1, 2), {}};
  queue.enter("a", "a1");
  CHECK(queue.enter("a", "a2") == Place::kWaits);
  CHECK(queue.enter("a", "a3") == Place::kWaits);
  CHECK(queue.enter("a", "a4") == Place::kRefused);
  CHECK(queue.enter("b", "b1") == Place::kWaits);
  queue.turns.leave();
  CHECK(queue.enter("a", "a5") == Place::kWaits);
}

}  // namespace
}  // namespace freshet
