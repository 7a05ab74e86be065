// Time, granularity, schema, decimals, batches and bitmaps.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <random>
#include <set>

#include "segments/bitmap.h"
#include "segments/column_batch.h"
#include "segments/result.h"
#include "segments/schema.h"
#include "segments/time.h"

namespace freshet {
namespace {

int64_t ms(std::string_view text) {
  auto time = parse_iso8601(text);
  REQUIRE_MESSAGE(time.has_value(), text);
  return time->ms;
}

// Counts how often its value was copied.
struct Counted {
  explicit Counted(int& copies) : copies_(&copies) {}
  Counted(const Counted& other) : copies_(other.copies_) { ++*copies_; }
  Counted(Counted&&) = default;
  int* copies_;
};

Result<Counted> passed_on(Result<Counted> result) {
  TRY(result);          // by name
  TRY(Result<int>(1));  // of a temporary
  TRY(result ? Status() : invalid(""));
  return result;
}

TEST_CASE("TRY of a named result copies no value, and returns its error") {
  int copies = 0;
  auto kept = passed_on(Counted(copies));
  REQUIRE(kept.has_value());
  CHECK(copies == 0);
  auto failed = passed_on(invalid("as it was"));
  REQUIRE(!failed.has_value());
  CHECK(failed.error().message == "as it was");
}

TEST_CASE("times are read as Abseil reads them") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    Timestamp t{kMinTimestamp.ms +
                static_cast<int64_t>(random() % (kMaxTimestamp.ms * 2 -
                                                 253402300800000 / 2 - 1))};
    if (t > kMaxTimestamp) continue;
    std::string expected =
        absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(t.ms),
                         absl::UTCTimeZone());
    if (t.ms < -30610224000000) expected.clear();  // years below 1000
    if (!expected.empty()) CHECK(to_iso8601(t) == expected);
    CHECK(ms(to_iso8601(t)) == t.ms);
  }
}

TEST_CASE("forms of ISO 8601") {
  CHECK(ms("1970-01-01") == 0);
  CHECK(ms("1970-01-01T00:00:01Z") == 1000);
  CHECK(ms("1970-01-01 00:00:01.5") == 1500);
  CHECK(ms("1970-01-01T00:00:00.123456789Z") == 123);
  CHECK(ms("1970-01-01T02:00:00+02:00") == 0);
  CHECK(ms("1970-01-01T02:00+0200") == 0);
  CHECK(ms("1969-12-31T19:00:00-05") == 0);
  CHECK(ms("2024-02-29T00:00:00Z") == 1709164800000);
  // A leap second is the first instant of the next one.
  CHECK(ms("2016-12-31T23:59:60Z") == ms("2017-01-01T00:00:00Z"));
  CHECK(ms("2016-12-31T23:59:60.9") == ms("2017-01-01T00:00:00Z"));
  CHECK(ms("2017-01-01T05:29:60+05:30") == ms("2017-01-01T00:00:00Z"));
  CHECK(ms("1969-06-30T23:59:60Z") == ms("1969-07-01T00:00:00Z"));
  for (const char* bad :
       {"", "1970", "1970-1-1", "2023-02-29", "1970-13-01", "1970-00-10",
        "1970-01-01T", "1970-01-01T24:00:00", "1970-01-01T00:60:00",
        "1970-01-01T00:00:00.", "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+2", "0000-01-01",
        "1970-01-01x", "0001-01-01T00:00:00+01:00", "1970-01-01T00:00:60Z",
        "2016-12-31T23:59:61Z", "2016-12-31T23:59:60+01:00"}) {
    CHECK_MESSAGE(!parse_iso8601(bad).has_value(), bad);
  }
  absl::TimeZone madrid = *load_time_zone("Europe/Madrid");
  CHECK(parse_iso8601("2026-07-01", madrid)->ms == ms("2026-06-30T22:00:00Z"));
  // Skipped: the moment of the change; twice: the first.
  CHECK(parse_iso8601("2026-03-29T02:30:00", madrid)->ms ==
        ms("2026-03-29T01:00:00Z"));
  CHECK(parse_iso8601("2026-10-25T02:30:00", madrid)->ms ==
        ms("2026-10-25T00:30:00Z"));
  CHECK(to_iso8601(Timestamp{ms("2026-11-22T10:41:07.120Z")}, madrid) ==
        "2026-11-22T11:41:07.120+01:00");
  CHECK(!load_time_zone("Europe/Nowhere").has_value());
  CHECK(!load_time_zone("/etc/passwd").has_value());
  CHECK(load_time_zone("+05:30").has_value());
}

// Around the clock's changes from 2016 to 2026, and at random times from 1980
// to 2040.
std::vector<int64_t> times_to_cut(const absl::TimeZone& zone,
                                  std::mt19937_64& random) {
  std::vector<int64_t> out;
  absl::Time t = absl::FromUnixMillis(1451606400000);
  absl::TimeZone::CivilTransition change;
  while (zone.NextTransition(t, &change)) {
    t = zone.At(change.to).trans;
    const int64_t at = absl::ToUnixMillis(t);
    if (at > 1798761600000) break;
    for (int64_t minutes : {-61, -30, 0, 1, 29, 30, 61}) {
      out.push_back(at + minutes * 60'000);
      out.push_back(at + minutes * 60'000 - 1);
    }
  }
  for (int i = 0; i < 60; ++i) {
    out.push_back(315532800000 +
                  static_cast<int64_t>(random() % 1893456000000));
  }
  return out;
}

TEST_CASE("buckets tile time, in every zone, over changes of the clock") {
  std::mt19937_64 random(7);
  for (const char* name :
       {"UTC", "Europe/Madrid", "Asia/Kolkata", "Australia/Lord_Howe",
        "America/Sao_Paulo", "Asia/Kathmandu"}) {
    absl::TimeZone zone = *load_time_zone(name);
    for (const char* grain :
         {"PT1S", "minute", "fifteen_minute", "hour", "PT6H", "day", "week",
          "month", "quarter", "year", "all"}) {
      CAPTURE(name);
      CAPTURE(grain);
      Granularity g = *Granularity::parse(grain);
      std::vector<int64_t> in, out;
      for (int64_t t : times_to_cut(zone, random)) {
        CAPTURE(t);
        Timestamp start = g.floor(Timestamp{t}, zone);
        Timestamp next = g.next(Timestamp{t}, zone);
        CHECK(start.ms <= t);
        CHECK(t < next.ms);
        CHECK(g.floor(start, zone) == start);
        CHECK(g.floor(Timestamp{next.ms - 1}, zone) == start);
        if (g.unit() != Granularity::Unit::kAll) {
          CHECK(g.floor(next, zone) == next);
        }
        in.push_back(t);
      }
      out.resize(in.size());
      g.floor_batch(in, zone, out);
      for (size_t i = 0; i < in.size(); ++i) {
        CHECK(out[i] == g.floor(Timestamp{in[i]}, zone).ms);
      }
    }
  }
}

TEST_CASE("a day of a clock change has 23 or 25 hours") {
  absl::TimeZone zone = *load_time_zone("Europe/Madrid");
  Granularity day = *Granularity::parse("day");
  Granularity hour = *Granularity::parse("hour");
  auto hours_of = [&](const char* noon) {
    Timestamp t{ms(noon)};
    Timestamp end = day.next(t, zone);
    int count = 0;
    for (t = day.floor(t, zone); t < end; t = hour.next(t, zone)) ++count;
    return count;
  };
  CHECK(hours_of("2026-03-29T12:00:00Z") == 23);
  CHECK(hours_of("2026-10-25T12:00:00Z") == 25);
  CHECK(hours_of("2026-11-22T12:00:00Z") == 24);
  Granularity week = *Granularity::parse("week");
  CHECK(week.floor(Timestamp{ms("2026-11-22T12:00:00Z")}, zone).ms ==
        ms("2026-11-15T23:00:00Z"));
}

TEST_CASE("granularities and durations") {
  CHECK(Granularity::parse("fifteen_minute")->to_string() == "PT15M");
  CHECK(Granularity::parse("PT3600S")->to_string() == "PT1H");
  CHECK(Granularity::parse("P1Y")->to_string() == "P1Y");
  CHECK(Granularity::parse("quarter")->to_string() == "P3M");
  for (const char* bad : {"", "PT", "PT7M", "PT5H", "P5M", "PT0S", "fortnight",
                          "P1W2D", "PT90M", "PT48H"}) {
    CHECK_MESSAGE(!Granularity::parse(bad).has_value(), bad);
  }
  CHECK(*parse_duration_ms("7d") == 604800000);
  CHECK(*parse_duration_ms("500ms") == 500);
  CHECK(*parse_duration_ms("P1DT12H") == 129600000);
  CHECK(*parse_duration_ms("PT10M") == 600000);
  for (const char* bad : {"", "d", "7", "7x", "P", "PT", "P1M", "P1Y", "-1d",
                          "99999999999999w", "P1DT"}) {
    CHECK_MESSAGE(!parse_duration_ms(bad).has_value(), bad);
  }
}

TEST_CASE("decimals are exact") {
  CHECK(decimal_to_string(123456, 2) == "1234.56");
  CHECK(decimal_to_string(-5, 2) == "-0.05");
  CHECK(decimal_to_string(0, 2) == "0.00");
  CHECK(decimal_to_string(7, 0) == "7");
  __int128 large = static_cast<__int128>(INT64_MAX) * 1000;
  CHECK(decimal_to_string(large, 3) == "9223372036854775807.000");
  CHECK(*parse_decimal("1234.5", 2) == 123450);
  CHECK(*parse_decimal("-0.05", 2) == -5);
  CHECK(*parse_decimal("1e3", 2) == 100000);
  CHECK(*parse_decimal("1.005", 2) == 101);
  CHECK(*parse_decimal("-1.005", 2) == -101);
  CHECK(*parse_decimal("0.0049999999999999999999999999999999999999999", 2) ==
        0);
  CHECK(*parse_decimal("1e-400", 2) == 0);
  CHECK(*parse_decimal(".5", 0) == 1);
  CHECK(*parse_decimal("-9223372036854775808", 0) == INT64_MIN);
  for (const char* bad : {"", ".", "-", "1e", "1.2.3", "x", "1 ", "1e400",
                          "9223372036854775808", "NaN", "--1"}) {
    CHECK_MESSAGE(!parse_decimal(bad, 0).has_value(), bad);
  }
  std::mt19937_64 random(3);
  for (int i = 0; i < 1000; ++i) {
    int64_t units = static_cast<int64_t>(random());
    int scale = static_cast<int>(random() % 19);
    CHECK(*parse_decimal(decimal_to_string(units, scale), scale) == units);
  }
  CHECK(to_string(*parse_column_type("decimal(18)")) == "decimal(18)");
  CHECK(!parse_column_type("decimal(19)").has_value());
  CHECK(!parse_column_type("int").has_value());
}

TEST_CASE("an abandoned row leaves no trace") {
  Schema schema;
  schema.columns = {{"__time", {ColumnKind::kTimestamp, 0}, false},
                    {"s", {ColumnKind::kString, 0}, false},
                    {"d", {ColumnKind::kDouble, 0}, false}};
  ColumnBatch batch(std::make_shared<const Schema>(schema));
  batch.set_long(0, 1);
  batch.set_string(1, "a");
  batch.commit_row();
  batch.set_long(0, 2);
  batch.set_double(2, 5);
  batch.abandon_row();
  batch.set_long(0, 3);
  batch.set_long(0, 4);
  batch.commit_row();
  CHECK(batch.num_rows() == 2);
  CHECK(batch.columns()[0].longs == std::vector<int64_t>{1, 4});
  CHECK(batch.columns()[1].nulls == std::vector<uint8_t>{0, 1});
  CHECK(batch.columns()[2].num_nulls == 2);
}

TEST_CASE("a frozen bitmap with any changed bit is refused or another one") {
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < 66'000; row += 1 + row / 60'000) {
    if (row < 20 || row % 64 < 40) rows.push_back(row);
  }
  Bitmap bitmap = Bitmap::of_sorted(rows);
  bitmap.optimize();
  alignas(32) static char bytes[1 << 14];
  size_t size = bitmap.frozen_size();
  REQUIRE(size <= sizeof(bytes));
  bitmap.write_frozen(bytes);
  REQUIRE(Bitmap::frozen_view({bytes, size}).has_value());
  size_t refused = 0;
  for (size_t bit = 0; bit < size * 8; bit += bit / 8 + 64 < size ? 13 : 1) {
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    auto view = Bitmap::frozen_view({bytes, size});
    if (!view) ++refused;
    if (view) CHECK(view->to_vector().size() == view->cardinality());
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
  }
  CHECK(refused > 0);
  CHECK_FALSE(Bitmap::frozen_view({bytes, size - 1}).has_value());
}

TEST_CASE("bitmaps agree with sets, frozen or not") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 30; ++round) {
    std::set<uint32_t> a, b;
    uint32_t limit = round % 2 ? 200000 : 3000;
    for (int i = 0; i < 3000; ++i) {
      a.insert(static_cast<uint32_t>(random() % limit));
      b.insert(static_cast<uint32_t>(random() % (limit / 4)));
    }
    std::vector<uint32_t> va(a.begin(), a.end()), vb(b.begin(), b.end());
    Bitmap ma = Bitmap::of_sorted(va), mb = Bitmap::of_sorted(vb);
    mb.optimize();
    std::vector<char> storage(mb.frozen_size() + 32);
    size_t skip = (32 - reinterpret_cast<uintptr_t>(storage.data()) % 32) % 32;
    mb.write_frozen(storage.data() + skip);
    Bitmap frozen =
        *Bitmap::frozen_view({storage.data() + skip, mb.frozen_size()});
    CHECK(frozen.to_vector() == vb);
    CHECK(frozen.clone().to_vector() == vb);
    std::vector<uint32_t> expected;
    std::set_intersection(va.begin(), va.end(), vb.begin(), vb.end(),
                          std::back_inserter(expected));
    CHECK((ma & frozen).to_vector() == expected);
    expected.clear();
    std::set_difference(va.begin(), va.end(), vb.begin(), vb.end(),
                        std::back_inserter(expected));
    CHECK(ma.and_not(frozen).to_vector() == expected);
    const Bitmap* both[] = {&ma, &frozen};
    CHECK(Bitmap::union_of(both).to_vector() == (ma | frozen).to_vector());
    CHECK(frozen.complement(limit).cardinality() == limit - vb.size());
    std::vector<uint16_t> rows;
    frozen.rows_in(500, 1500, rows);
    size_t i = 0;
    for (uint32_t row : vb) {
      if (row >= 500 && row < 1500) CHECK(rows.at(i++) == row - 500);
    }
    CHECK(rows.size() == i);
    CHECK(frozen.count_in(500, 1500) == i);
  }
}

TEST_CASE("the first and the last moment have texts") {
  CHECK(to_iso8601(Timestamp{INT64_MIN}) == "-292275055-05-16T16:47:04.192Z");
  CHECK(to_iso8601(Timestamp{INT64_MAX}) == "292278994-08-17T07:12:55.807Z");
  CHECK(to_iso8601(Timestamp{-62'167'219'200'001}) ==
        "-0001-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace freshet
