#include "server/demo/reference_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "segments/schema.h"
#include "server/demo/story.h"

namespace freshet {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr uint64_t kSuppliersOfCategory = 3;

struct Supplier {
  const char* code;
  const char* name;
  const char* country;
  int lead_time_days;
};
constexpr Supplier kSuppliers[] = {
    {"P001", "Huerta del Ebro", "ES", 1},
    {"P002", "Lonja de Vigo", "ES", 1},
    {"P003", "Frutas Algarve", "PT", 2},
    {"P004", "Molinos Duero", "ES", 3},
    {"P005", "Conservas Ría", "ES", 5},
    {"P006", "Pasta Romagna", "IT", 7},
    {"P007", "Horno Viejo", "ES", 1},
    {"P008", "Pâtisserie Adour", "FR", 2},
    {"P009", "Masa Madre", "ES", 1},
    {"P010", "Bodegas Toro", "ES", 4},
    {"P011", "Fonte Clara", "PT", 3},
    {"P012", "Brauhaus Isar", "DE", 6},
    {"P013", "Limpia Norte", "ES", 4},
    {"P014", "Papelera Miño", "PT", 5},
    {"P015", "Hausrein", "DE", 8},
    {"P016", "Lavanda", "FR", 6},
    {"P017", "Aloe Canaria", "ES", 7},
    {"P018", "Belle Peau", "FR", 9},
    {"P019", "Cerámica Manises", "ES", 10},
    {"P020", "Tejidos Braga", "PT", 12},
    {"P021", "Holz und Heim", "DE", 14},
    {"P022", "Chispa", "ES", 9},
    {"P023", "Shenzhen Lumen", "CN", 35},
    {"P024", "Voltaje Sur", "ES", 11},
};

struct Place {
  std::string_view region;
  double latitude, longitude;
};
constexpr Place kPlaces[] = {
    {"Madrid", 40.4, -3.7},    {"Cataluña", 41.7, 1.6},
    {"Andalucía", 37.4, -4.8}, {"Valencia", 39.5, -0.8},
    {"Galicia", 42.8, -8.0},   {"País Vasco", 43.0, -2.6},
};

// Articles lie by category, so each has suppliers of its own.
const Supplier& supplier_of(const RetailWorld& world, size_t article) {
  size_t category = 0;
  for (size_t i = 1; i <= article; ++i) {
    bool same = std::string_view(world.articles[i].category) ==
                world.articles[i - 1].category;
    category += same ? 0 : 1;
  }
  uint64_t chosen = mix64(1, world.articles[article].sku);
  size_t at = category * kSuppliersOfCategory + chosen % kSuppliersOfCategory;
  return kSuppliers[at % std::size(kSuppliers)];
}

std::string products(const RetailWorld& world) {
  std::string csv = "sku,name,category,supplier,price,cost\n";
  for (size_t i = 0; i < world.articles.size(); ++i) {
    const RetailArticle& article = world.articles[i];
    csv += fmt::format("{},{} {},{},{},{},{}\n", article.sku, article.category,
                       i + 1, article.category, supplier_of(world, i).code,
                       decimal_to_string(article.price_cents, 2),
                       decimal_to_string(article.cost_cents, 2));
  }
  return csv;
}

std::string stores(const RetailWorld& world) {
  std::string csv = "store,name,region,registers,area_m2,latitude,longitude\n";
  for (const RetailStore& store : world.stores) {
    csv +=
        fmt::format("{},{} {},{},{},{}", store.code, store.region, store.code,
                    store.region, store.registers, store.area_m2);
    const Place* place =
        std::ranges::find(kPlaces, store.region, &Place::region);
    if (place == std::end(kPlaces)) {
      csv += ",,\n";  // the web shop is nowhere
      continue;
    }
    uint64_t bits = mix64(2, store.code);
    csv += fmt::format(",{:.3f},{:.3f}\n",
                       place->latitude + unit_interval(bits) - 0.5,
                       place->longitude + unit_interval(mix64(bits)) - 0.5);
  }
  return csv;
}

std::string suppliers() {
  std::string csv = "supplier,name,country,lead_time_days\n";
  for (const Supplier& supplier : kSuppliers) {
    csv += fmt::format("{},{},{},{}\n", supplier.code, supplier.name,
                       supplier.country, supplier.lead_time_days);
  }
  return csv;
}

std::string promotions(Timestamp from, Timestamp until) {
  std::string csv = "promotion,title,kind,starts,ends\n";
  int64_t last = RetailWorld::week_number(until.ms - 1);
  for (int64_t n = RetailWorld::week_number(from.ms); n <= last; ++n) {
    Timestamp monday{(n * 7 - 3) * kDayMs};
    csv += fmt::format("leaflet-{},Leaflet of the week of {},leaflet,{},{}\n",
                       n, to_iso8601(monday).substr(0, 10), to_iso8601(monday),
                       to_iso8601({monday.ms + 7 * kDayMs}));
  }
  for (const StoryWindow& window : story_windows(Story::kPromo, from, until)) {
    csv += fmt::format("drinks-{},Drinks {} % off,category,{},{}\n",
                       window.number, kPromoPercent, to_iso8601(window.from),
                       to_iso8601(window.to));
  }
  return csv;
}

}  // namespace

std::optional<std::string> reference_csv(const std::string& lookup,
                                         const RetailWorld& world,
                                         Timestamp from, Timestamp until) {
  if (lookup == "products") return products(world);
  if (lookup == "stores") return stores(world);
  if (lookup == "suppliers") return suppliers();
  if (lookup == "promotions") return promotions(from, until);
  return std::nullopt;
}

}  // namespace freshet
