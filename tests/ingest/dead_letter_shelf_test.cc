#include "ingest/dead_letter_shelf.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "tests/ingest/scratch_folder.h"

using namespace freshet;

TEST_CASE("beyond the limits the oldest go, and are counted") {
  auto seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (DeadLetterLimits limits :
       {DeadLetterLimits{50, 1 << 20}, DeadLetterLimits{1000, 9000}}) {
    ScratchFolder folder;
    auto store = MetadataStore::open(folder.path());
    REQUIRE(store.has_value());
    // Another dataset's letters are none of its business.
    DeadLetter other;
    other.partition = "log/0";
    auto foreign = encode_dead_letter("sales2", other);
    REQUIRE((*store)->put(foreign.first, foreign.second).has_value());
    auto shelf = std::make_unique<DeadLetterShelf>(**store, "sales", limits);
    REQUIRE(shelf->load().has_value());
    struct Kept {
      int64_t time;
      uint64_t bytes;
      int64_t offset;
    };
    std::vector<Kept> model;
    uint64_t dropped = 0;
    auto bytes_of = [&] {
      uint64_t bytes = 0;
      for (const Kept& kept : model) bytes += kept.bytes;
      return bytes;
    };
    int64_t offset = 0, time = 1'700'000'000'000;
    for (int round = 0; round < 60; ++round) {
      std::vector<DeadLetter> letters(random() % 9);
      for (DeadLetter& letter : letters) {
        letter.partition = fmt::format("log/{}", random() % 3);
        letter.offset = offset++;
        letter.time = Timestamp{time++};
        letter.reason = "not_json";
        letter.bytes = std::string(random() % 90, 'x');
        auto [key, value] = encode_dead_letter("sales", letter);
        REQUIRE((*store)->put(key, value).has_value());
        model.push_back(
            {letter.time.ms, key.size() + value.size(), letter.offset});
      }
      if (model.size() > limits.rows || bytes_of() > limits.bytes) {
        while (model.size() > limits.rows - limits.rows / 10 ||
               bytes_of() > limits.bytes - limits.bytes / 10) {
          model.erase(model.begin());
          ++dropped;
        }
      }
      shelf->added(letters);
      REQUIRE(shelf->trim().has_value());
      if (random() % 5 == 0) {  // a restart
        shelf = std::make_unique<DeadLetterShelf>(**store, "sales", limits);
        REQUIRE(shelf->load().has_value());
      }
      CHECK(shelf->stock().rows == model.size());
      CHECK(shelf->stock().bytes == bytes_of());
      CHECK(shelf->stock().dropped == dropped);
    }
    CHECK(dropped > 50);
    auto page = list_dead_letters(**store, "sales", "", 1000);
    REQUIRE(page.has_value());
    std::vector<int64_t> there, wanted;
    for (const DeadLetter& letter : page->letters) {
      there.push_back(letter.offset);
    }
    for (const Kept& kept : model) wanted.push_back(kept.offset);
    std::ranges::sort(there);
    CHECK(there == wanted);
    CHECK(list_dead_letters(**store, "sales2", "", 9)->letters.size() == 1);
  }
}
