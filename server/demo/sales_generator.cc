// Receipt lines, one event each.
#include <fmt/format.h>

#include "server/demo/receipts.h"
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
  kPromotion,
  kVoucherId,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr ColumnType kMoney{ColumnKind::kDecimal, 2};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"txn_id", kText},    {"line", kWhole},     {"store", kText},
    {"region", kText},    {"register", kText},  {"sku", kText},
    {"category", kText},  {"qty", kWhole},      {"price", kMoney},
    {"discount", kMoney}, {"cost", kMoney},     {"currency", kText},
    {"channel", kText},   {"member_id", kText}, {"promotion", kText},
    {"voucher_id", kText}};

class SalesGenerator final : public RetailGenerator {
 public:
  SalesGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : RetailGenerator(dataset, options, TrafficCurve::Shape::kSales),
        receipts_(options.seed, pace_, options.late),
        step_(step_of(options.start)),
        index_(receipts_.arrivals().first_from(step_, options.start)) {
    shape_.group_column = "store";
    shape_.key_column = "txn_id";
    promo_ = add_story(Story::kPromo, "promo", "promotion LIKE 'drinks-%'");
    ring_ = add_story(Story::kVoucherRing, "voucher_ring",
                      "voucher_id LIKE 'VX-%'");
    add_clock_change();
  }

  bool step(EventFacts& facts) override {
    if (line_ == receipt_.lines.size() && !next_receipt()) return false;
    facts.first_of_key = line_ == 0;
    facts.group = static_cast<int32_t>(receipt_.store);
    facts.time = receipt_.line_time(line_);
    facts.late = receipt_.time < receipt_.arrived;
    ++line_;
    return true;
  }

  void write(std::string& line, EventFacts& facts) override {
    line += ",\"txn_id\":\"";
    receipts_.append_id(line, receipt_.step, receipt_.index);
    line += "\",\"line\":";
    append_int(line, static_cast<int64_t>(line_));
    const RetailStore& at = store(facts);
    append_text(line, "store", at.code);
    append_text(line, "region", at.region);
    line += ",\"register\":\"";
    line += at.code;
    line += "-R";
    append_digits(line, receipt_.register_number, 2);
    line.push_back('"');
    write_article(line, facts, receipt_.lines[line_ - 1]);
    line += ",\"currency\":\"EUR\"";
    append_text(line, "channel", receipt_.channel);
    append_member(line, receipt_.member);
    append_voucher(line, receipt_.voucher, receipt_.ring);
    if (receipt_.ring) facts.stories |= ring_;
    measure(facts, kLine, static_cast<int64_t>(line_));
  }

 private:
  bool next_receipt() {
    const Arrivals& arrivals = receipts_.arrivals();
    while (index_ >= arrivals.count(step_)) {
      ++step_;
      index_ = 0;
      if (is_over(step_start(step_))) return false;
    }
    if (is_over(arrivals.time(step_, index_))) return false;
    receipts_.read(step_, index_++, receipt_);
    receipt_.time = std::max(receipt_.time, options_.start);
    line_ = 0;
    return true;
  }

  void write_article(std::string& line, EventFacts& facts,
                     const ReceiptLine& sold) {
    const RetailArticle& article = world_->articles[sold.article];
    append_text(line, "sku", article.sku);
    append_text(line, "category", article.category);
    line += ",\"qty\":";
    append_int(line, sold.qty);
    line += ",\"price\":";
    append_decimal(line, sold.price_cents, 2);
    line += ",\"discount\":";
    append_decimal(line, sold.discount_cents, 2);
    line += ",\"cost\":";
    append_decimal(line, sold.cost_cents, 2);
    if (sold.promoted && sold.qty > 0) write_promotion(line, facts, article);
    measure(facts, kQty, sold.qty);
    measure(facts, kPrice, sold.price_cents);
    measure(facts, kDiscount, sold.discount_cents);
    measure(facts, kCost, sold.cost_cents);
  }

  void write_promotion(std::string& line, EventFacts& facts,
                       const RetailArticle& article) {
    auto story = story_at(Story::kPromo, receipt_.arrived);
    bool planted =
        story && std::string_view(article.category) == kPromoCategory;
    line += planted ? ",\"promotion\":\"drinks-" : ",\"promotion\":\"leaflet-";
    append_int(line, planted ? story->number
                             : RetailWorld::week_number(receipt_.arrived.ms));
    line.push_back('"');
    if (planted) facts.stories |= promo_;
  }

  const Receipts receipts_;
  int64_t step_;
  uint64_t index_;  // of the next receipt
  Receipt receipt_;
  size_t line_ = 0;  // lines of it written
  uint32_t promo_ = 0, ring_ = 0;
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
