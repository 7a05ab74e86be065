// The made-up company behind the generated events: stores, articles, carriers.
// The same for a seed, whatever dataset and time is generated, so that history
// and live events, sales and stock belong together. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/demo/seeded_random.h"

namespace freshet {

struct RetailStore {
  std::string code;  // S001 ...; WEB is the warehouse of the web shop
  std::string region;
  double size = 1;  // share of customers, log-normal
  int registers = 1;
  int64_t area_m2 = 0;  // of selling
};

struct RetailArticle {
  std::string sku;
  const char* category = "";
  int64_t price_cents = 0;  // shelf price before its quarterly change
  int64_t cost_cents = 0;   // of one unit
  double demand = 1;        // Zipf weight
};

struct RetailCarrier {
  const char* name;
  double share;
  double mean_hours;  // from order to door
};

class RetailWorld {
 public:
  static std::shared_ptr<const RetailWorld> make(uint64_t seed);

  std::vector<RetailStore> stores;  // the last one is WEB
  std::vector<RetailArticle> articles;
  std::vector<RetailCarrier> carriers;
  WeightedChoice pick_store;  // without WEB
  WeightedChoice pick_article;
  WeightedChoice pick_carrier;
  WeightedChoice pick_member;  // number of a loyalty member
  size_t web() const { return stores.size() - 1; }
  size_t missing_article = 0;  // of the story of the stock-out

  // Shelf prices and promotions of the week (from Monday, UTC) of a time.
  struct Week {
    int64_t number = 0;
    std::vector<int64_t> price_cents;    // by article
    std::vector<uint8_t> promo_percent;  // 0: none
  };
  static int64_t week_number(int64_t t_ms);
  Week week(int64_t number) const;

  // Units of an article at a store at a time: falls with the sales of the
  // cycle, sometimes to nothing, and is filled up by a delivery. A function of
  // the time, so every reading of it fits every other.
  struct Stock {
    int64_t on_hand = 0;
    bool just_delivered = false;  // within the last hours
    bool ranged = true;
  };
  Stock stock(size_t article, size_t store, int64_t t_ms) const;

 private:
  explicit RetailWorld(uint64_t seed);
  void add_stores();
  void add_articles();
  uint64_t seed_;
};

}  // namespace freshet
