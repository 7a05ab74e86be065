// Steps and lengths by the local clock.
#include "server/kpi/calendar.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/server/kpi/kpi_fixture.h"

namespace freshet {
namespace {

// A bucket after the other.
double counted(const Granularity& grain, Interval range,
               const absl::TimeZone& zone) {
  double total = 0;
  for (Timestamp start = grain.floor(range.start, zone); start < range.end;) {
    Timestamp end = grain.next(start, zone);
    int64_t covered =
        std::min(end.ms, range.end.ms) - std::max(start.ms, range.start.ms);
    total +=
        static_cast<double>(covered) / static_cast<double>(end.ms - start.ms);
    start = end;
  }
  return total;
}

TEST_CASE("a length is that of its buckets, in any zone") {
  std::mt19937_64 random(7);
  for (const char* name : {"UTC", "Europe/Madrid", "America/Sao_Paulo",
                           "Australia/Lord_Howe", "Asia/Kathmandu"}) {
    auto zone = *load_time_zone(name);
    for (const char* text :
         {"minute", "hour", "day", "week", "month", "quarter", "year"}) {
      Granularity grain = *Granularity::parse(text);
      for (int i = 0; i < 30; ++i) {
        // From 2009 to 2020, when Brazil's midnights were skipped too.
        auto start = static_cast<int64_t>(random() % 315'360'000'000ull);
        bool fine = grain.unit() == Granularity::Unit::kMillis;
        auto length = static_cast<int64_t>(
            random() % (fine ? 90'000'000ull : 50'000'000'000ull));
        Interval range{{1'230'768'000'000 + start},
                       {1'230'768'000'000 + start + length + 1}};
        CAPTURE(name);
        CAPTURE(text);
        CAPTURE(range.start.ms);
        CHECK(length_in(grain, range, zone) ==
              doctest::Approx(counted(grain, range, zone)).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("a length of ten thousand years takes no time") {
  auto zone = *load_time_zone("Europe/Madrid");
  Interval all{at("0001-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z")};
  double days = 0;
  for (int i = 0; i < 1000; ++i) days += length_in_days(all, zone);
  CHECK(days / 1000 == doctest::Approx(3'651'694).epsilon(1e-6));
}

TEST_CASE("a time that the clock skips is when it does") {
  auto zone = *load_time_zone("Europe/Madrid");
  CalendarStep week{0, 7, 0};
  for (const char* t : {"2026-04-05T00:00:00Z", "2026-04-05T00:30:00.5Z",
                        "2026-04-05T00:59:59.999Z", "2026-04-05T01:00:00Z"}) {
    CHECK(step_back(at(t), week, zone) == at("2026-03-29T01:00:00Z"));
  }
}

}  // namespace
}  // namespace freshet
