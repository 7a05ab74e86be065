#include "perf/workloads/ssb_flat.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <memory>

#include "segments/time.h"

namespace freshet {
namespace {

constexpr std::array kRegions = {"AFRICA", "AMERICA", "ASIA", "EUROPE",
                                 "MIDDLE EAST"};
constexpr const char* kNations[5][5] = {
    {"ALGERIA", "ETHIOPIA", "KENYA", "MOROCCO", "MOZAMBIQUE"},
    {"ARGENTINA", "BRAZIL", "CANADA", "PERU", "UNITED STATES"},
    {"CHINA", "INDIA", "INDONESIA", "JAPAN", "VIETNAM"},
    {"FRANCE", "GERMANY", "ROMANIA", "RUSSIA", "UNITED KINGDOM"},
    {"EGYPT", "IRAN", "IRAQ", "JORDAN", "SAUDI ARABIA"}};
constexpr int64_t kFirstDay = 694224000000;  // 1992-01-01T00:00:00Z
constexpr int64_t kDays = 2406;              // to 1998-08-02, as in SSB
constexpr int64_t kDayMs = 86'400'000;

// splitmix64: a fixed stream by row number.
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

struct Place {
  const char* region;
  const char* nation;
  std::string city;  // nine letters of the nation and a digit
};

Place place_of(uint64_t chance) {
  uint64_t region = chance % 5, nation = chance / 5 % 5,
           city = chance / 25 % 10;
  const char* name = kNations[region][nation];
  return {kRegions[region], name, fmt::format("{:<9.9}{}", name, city)};
}

}  // namespace

void append_ssb_row(uint64_t number, uint64_t rows, std::string& out) {
  uint64_t a = mix(number * 4), b = mix(number * 4 + 1),
           c = mix(number * 4 + 2);
  int64_t day = static_cast<int64_t>(number * kDays / rows);
  Timestamp date{kFirstDay + day * kDayMs};
  Place customer = place_of(a % 250), supplier = place_of((a >> 20) % 250);
  uint64_t mfgr = b % 5 + 1, category = b / 5 % 5 + 1, brand = b / 25 % 40 + 1;
  uint64_t quantity = c % 50 + 1, discount = c / 50 % 11, tax = c / 550 % 9;
  uint64_t price = 90'000 + (c >> 20) % 120'000;
  uint64_t extended = quantity * price / 10;
  std::string iso = to_iso8601(date);
  fmt::format_to(
      std::back_inserter(out),
      R"({{"lo_orderdate":"{}","lo_orderkey":{},"lo_linenumber":{},)"
      R"("c_city":"{}","c_nation":"{}","c_region":"{}",)"
      R"("s_city":"{}","s_nation":"{}","s_region":"{}",)"
      R"("p_mfgr":"MFGR#{}","p_category":"MFGR#{}{}","p_brand":"MFGR#{}{}{:02}",)"
      R"("lo_quantity":{},"lo_extendedprice":{},"lo_ordtotalprice":{},)"
      R"("lo_discount":{},"lo_revenue":{},"lo_supplycost":{},"lo_tax":{},)"
      R"("d_year":{}}})",
      iso, number / 4 + 1, number % 4 + 1, customer.city, customer.nation,
      customer.region, supplier.city, supplier.nation, supplier.region, mfgr,
      mfgr, category, mfgr, category, brand, quantity, extended, extended * 3,
      discount, extended * (100 - discount) / 100, price * 6 / 100, tax,
      iso.substr(0, 4));
  out.push_back('\n');
}

DecoderSpec ssb_decoder_spec() {
  struct Field {
    const char* name;
    ColumnKind kind;
  };
  constexpr auto kText = ColumnKind::kString;
  constexpr auto kNumber = ColumnKind::kLong;
  constexpr Field kFields[] = {{"lo_orderkey", kNumber},
                               {"lo_linenumber", kNumber},
                               {"c_city", kText},
                               {"c_nation", kText},
                               {"c_region", kText},
                               {"s_city", kText},
                               {"s_nation", kText},
                               {"s_region", kText},
                               {"p_mfgr", kText},
                               {"p_category", kText},
                               {"p_brand", kText},
                               {"lo_quantity", kNumber},
                               {"lo_extendedprice", kNumber},
                               {"lo_ordtotalprice", kNumber},
                               {"lo_discount", kNumber},
                               {"lo_revenue", kNumber},
                               {"lo_supplycost", kNumber},
                               {"lo_tax", kNumber},
                               {"d_year", kNumber}};
  auto schema = std::make_shared<Schema>();
  schema->columns.push_back(
      {std::string(kTimeColumn), {ColumnKind::kTimestamp, 0}, false});
  DecoderSpec spec;
  spec.time.path = "lo_orderdate";
  for (const Field& field : kFields) {
    FieldSpec one;
    one.column = schema->columns.size();
    one.path = field.name;
    spec.fields.push_back(std::move(one));
    schema->columns.push_back({field.name, {field.kind, 0}, false});
  }
  spec.schema = std::move(schema);
  return spec;
}

}  // namespace freshet
