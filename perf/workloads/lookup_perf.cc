// lookup_perf [KEYS]: nanoseconds a probe of a lookup takes, keys in random
// order, a tenth of them not there; and what it costs to make the table, to
// change it, and in memory.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <vector>

#include "server/query/lookup_source.h"

using namespace freshet;

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

std::string sku(size_t i) { return fmt::format("SKU-{:08}", i * 7); }

// A batch of the engine's, as lookup_value probes it.
constexpr size_t kLanes = 1024;

}  // namespace

int main(int argc, char** argv) {
  size_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 500'000;
  auto empty = LookupTable::create(
      "products", "0", {"sku", {ValueType::kString}},
      {{"category", {ValueType::kString}}, {"size", {ValueType::kLong}}}, {});
  std::vector<LookupTable::Edit> edits;
  for (size_t i = 0; i < keys; ++i) {
    edits.push_back(
        {Value(sku(i)), std::vector<Value>{Value(fmt::format("c{}", i % 50)),
                                           Value(static_cast<int64_t>(i))}});
  }
  auto begun = Clock::now();
  auto table = (*empty)->edited("1", std::move(edits));
  double made = milliseconds(Clock::now() - begun);
  begun = Clock::now();
  auto changed = table->edited("2", {{Value(sku(1)), std::nullopt}});
  double edited = milliseconds(Clock::now() - begun);

  std::mt19937_64 random(1);
  constexpr size_t kProbes = 4 << 20;
  std::vector<std::string> texts;
  for (size_t i = 0; i < kProbes / 8; ++i) {
    texts.push_back(sku(random() % (keys + keys / 9)));
  }
  Vector lanes;
  lanes.type = {ValueType::kString};
  lanes.size = kLanes;
  lanes.strings.resize(kLanes);
  uint64_t found = 0, probes = 0;
  Clock::duration time{};
  for (size_t from = 0; from + kLanes <= texts.size(); from += kLanes) {
    for (size_t i = 0; i < kLanes; ++i) lanes.strings[i] = texts[from + i];
    begun = Clock::now();
    for (uint32_t at : table->keys().find_all(lanes, kLanes)) {
      found += at != KeyIndex::kNone;
    }
    time += Clock::now() - begun;
    probes += kLanes;
  }
  fmt::print(
      "{} keys: {:.1f} ns a probe ({} of {} found), {:.0f} ms to make, "
      "{:.0f} ms to change, {} MB\n",
      keys, milliseconds(time) * 1e6 / static_cast<double>(probes), found,
      probes, made, edited, table->memory_bytes() >> 20);
}
