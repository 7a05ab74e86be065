// Receipt lines: receipts arrive along the curve, have a geometric number of
// lines, and articles by Zipf's law with a lift for those on promotion.
#include <algorithm>

#include "server/demo/retail_generator.h"

namespace freshet {
namespace {

enum Column : size_t {
  kTxnId,
  kLine,
  kStore,
  kRegion,
  kRegister,
  kSku,
  kCategory,
  kQty,
  kPrice,
  kDiscount,
  kCost,
  kCurrency,
  kChannel,
  kMemberId,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr ColumnType kMoney{ColumnKind::kDecimal, 2};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"txn_id", kText},    {"line", kWhole},    {"store", kText},
    {"region", kText},    {"register", kText}, {"sku", kText},
    {"category", kText},  {"qty", kWhole},     {"price", kMoney},
    {"discount", kMoney}, {"cost", kMoney},    {"currency", kText},
    {"channel", kText},   {"member_id", kText}};

constexpr double kMoreLines = 2.0 / 3;  // three lines on average
constexpr int kMostLines = 30;
constexpr double kPromoLift = 2.5;
constexpr double kReturns = 0.012;  // share of lines

class SalesGenerator final : public RetailGenerator {
 public:
  SalesGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : RetailGenerator(dataset, options, TrafficCurve::Shape::kSales) {
    shape_.group_column = "store";
    shape_.key_column = "txn_id";
    uint64_t bits = run_;
    for (char& c : run_text_) {
      c = "0123456789abcdefghijklmnopqrstuvwxyz"[bits % 36];
      bits /= 36;
    }
  }

  bool step(EventFacts& facts) override {
    if (lines_left_ == 0) open_receipt();
    facts.first_of_key = line_ == 0;
    --lines_left_;
    ++line_;
    facts.group = static_cast<int32_t>(store_);
    facts.time = Timestamp{time_.ms + line_gap_ms_ * (line_ - 1)};
    if (facts.time < options_.end) return true;
    // By time: the run is over. By rows: the last ones come at the end.
    return options_.rows.has_value();
  }

  void write(std::string& line, EventFacts& facts) override {
    const RetailStore& at = store(facts);
    line += ",\"txn_id\":\"";
    line.append(run_text_, sizeof run_text_);
    line.push_back('-');
    append_digits(line, receipt_, 8);
    line += "\",\"line\":";
    append_int(line, line_);
    line += ",\"store\":\"";
    line += at.code;
    line += "\",\"region\":\"";
    line += at.region;
    line += "\",\"register\":\"";
    line += at.code;
    line += "-R";
    append_digits(line, register_, 2);
    write_article(line, facts);
    line += ",\"currency\":\"EUR\",\"channel\":\"";
    line += channel_;
    line.push_back('"');
    if (member_ >= 0) {
      line += ",\"member_id\":\"M";
      append_digits(line, static_cast<uint64_t>(member_), 6);
      line.push_back('"');
    }
    measure(facts, kLine, line_);
  }

 private:
  void open_receipt() {
    lines_left_ = 1 + random_.geometric(kMoreLines, kMostLines - 1);
    Timestamp arrived = arrival(lines_left_);  // the pace counts lines
    time_ = maybe_late(arrived);
    ++receipt_;
    line_ = 0;
    // A line is scanned every second or two, but a receipt is over before the
    // next ones come, so that lines are nearly in order of time.
    double gap_ms = std::min(2000.0, 1000 / pace_);
    line_gap_ms_ =
        static_cast<int64_t>(gap_ms * (0.3 + 0.7 * random_.uniform()));
    int64_t week = RetailWorld::week_number(arrived.ms);
    if (week_.price_cents.empty() || week != week_.number)
      week_ = world_->week(week);
    bool online = random_.chance(clock_.online_share());
    channel_ = !online ? "store" : random_.chance(0.6) ? "web" : "app";
    // Most online orders are picked in a store.
    bool from_store = !online || random_.chance(0.75);
    store_ = from_store ? world_->pick_store.draw(random_) : world_->web();
    auto registers = static_cast<uint64_t>(world_->stores[store_].registers);
    register_ = online ? 0 : 1 + random_.below(registers);
    member_ = random_.chance(online ? 0.7 : 0.35)
                  ? static_cast<int64_t>(world_->pick_member.draw(random_))
                  : -1;
  }

  // Articles on promotion are taken kPromoLift times as often.
  size_t pick_article() {
    while (true) {
      size_t i = world_->pick_article.draw(random_);
      if (week_.promo_percent[i] > 0 || random_.chance(1 / kPromoLift))
        return i;
    }
  }

  void write_article(std::string& line, EventFacts& facts) {
    size_t i = pick_article();
    const RetailArticle& article = world_->articles[i];
    int64_t price = week_.price_cents[i];
    int64_t qty = 1 + random_.geometric(0.3, 11);
    int64_t discount = 0;
    if (random_.chance(kReturns)) {
      qty = -1;
    } else if (int percent = week_.promo_percent[i]; percent > 0) {
      discount = (qty * price * percent + 50) / 100;
    }
    int64_t cost = qty * article.cost_cents;
    line += "\",\"sku\":\"";
    line += article.sku;
    line += "\",\"category\":\"";
    line += article.category;
    line += "\",\"qty\":";
    append_int(line, qty);
    line += ",\"price\":";
    append_decimal(line, price, 2);
    line += ",\"discount\":";
    append_decimal(line, discount, 2);
    line += ",\"cost\":";
    append_decimal(line, cost, 2);
    measure(facts, kQty, qty);
    measure(facts, kPrice, price);
    measure(facts, kDiscount, discount);
    measure(facts, kCost, cost);
  }

  char run_text_[6];
  RetailWorld::Week week_;
  // The open receipt.
  uint64_t receipt_ = 0;
  Timestamp time_;
  int64_t line_gap_ms_ = 0;
  int lines_left_ = 0;
  int line_ = 0;
  size_t store_ = 0;
  uint64_t register_ = 0;
  int64_t member_ = -1;
  const char* channel_ = "";
};

}  // namespace

std::span<const RetailGenerator::Known> sales_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_sales_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<SalesGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
