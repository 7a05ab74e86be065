// Goods brought back: one event for each negative receipt line, with the line
// that was sold.
#include <tuple>

#include "server/demo/receipts.h"
#include "server/demo/step_generator.h"

namespace freshet {
namespace {

enum Column : size_t {
  kReturnId,
  kTxnId,
  kLine,
  kReturnTxnId,
  kSku,
  kCategory,
  kStore,
  kRegion,
  kChannel,
  kMemberId,
  kReason,
  kVoucherUsed,
  kQty,
  kValue,
  kSoldTs,
  kDaysSinceSale,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"return_id", kText},
    {"txn_id", kText},
    {"line", kWhole},
    {"return_txn_id", kText},
    {"sku", kText},
    {"category", kText},
    {"store", kText},
    {"region", kText},
    {"channel", kText},
    {"member_id", kText},
    {"reason", kText},
    {"voucher_used", {ColumnKind::kBool, 0}},
    {"qty", kWhole},
    {"value", {ColumnKind::kDecimal, 2}},
    {"sold_ts", {ColumnKind::kTimestamp, 0}},
    {"days_since_sale", {ColumnKind::kDouble, 0}}};

constexpr const char* kReasons[] = {"changed_mind", "damaged", "spoiled",
                                    "wrong_article", "not_as_described"};

struct ReturnEvent {
  Timestamp time;
  size_t store = 0;
  int64_t step = 0;
  uint64_t index = 0;
  size_t line = 0;  // from 0
  int64_t original_step = 0;
  uint64_t original_index = 0;
  const char* channel = "";
  int64_t member = -1;
  bool voucher_used = false;
  ReceiptLine goods;  // as booked: negative
  auto order() const { return std::tuple(time.ms, step, index, line); }
};

class ReturnsGenerator final : public StepGenerator<ReturnEvent> {
 public:
  ReturnsGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : StepGenerator(dataset, options, kReturnsPerDay, 0, 0),
        receipts_(options.seed, sales_per_second(), options.late) {
    shape_.key_column = "return_id";
    add_clock_change();
  }

  void fill(int64_t step, std::vector<ReturnEvent>& out) override {
    uint64_t n = receipts_.arrivals().count(step);
    for (uint64_t i = 0; i < n; ++i) {
      if (!receipts_.may_be_return(step, i)) continue;
      receipts_.read(step, i, receipt_);
      if (!receipt_.is_return) continue;
      for (size_t k = 0; k < receipt_.lines.size(); ++k)
        out.push_back({receipt_.arrived, receipt_.store, step, i, k,
                       receipt_.original_step, receipt_.original_index,
                       receipt_.channel, receipt_.member, receipt_.voucher >= 0,
                       receipt_.lines[k]});
    }
  }

  void write(std::string& line, const ReturnEvent& e,
             EventFacts& facts) override {
    facts.first_of_key = true;
    line += ",\"return_id\":\"B";
    receipts_.append_id(line, e.step, e.index);
    line.push_back('-');
    append_int(line, static_cast<int64_t>(e.line) + 1);
    line += "\",\"txn_id\":\"";
    receipts_.append_id(line, e.original_step, e.original_index);
    line += "\",\"return_txn_id\":\"";
    receipts_.append_id(line, e.step, e.index);
    line.push_back('"');
    const RetailArticle& article = world_->articles[e.goods.article];
    append_text(line, "sku", article.sku);
    append_text(line, "category", article.category);
    append_text(line, "store", store(facts).code);
    append_text(line, "region", store(facts).region);
    append_text(line, "channel", e.channel);
    append_member(line, e.member);
    uint64_t luck = mix64(e.index, static_cast<uint64_t>(e.step), e.line);
    append_text(line, "reason", kReasons[luck % std::size(kReasons)]);
    append_flag(line, "voucher_used", e.voucher_used);
    write_numbers(line, e, facts);
  }

 private:
  void write_numbers(std::string& line, const ReturnEvent& e,
                     EventFacts& facts) {
    int64_t value = -e.goods.net_cents();
    Timestamp sold =
        receipts_.arrivals().time(e.original_step, e.original_index);
    constexpr int64_t kUnitMs = 86'400'000 / 64;
    int64_t days = (facts.time.ms - sold.ms) / kUnitMs;
    append_number(line, "line", static_cast<int64_t>(e.line) + 1, 0);
    append_number(line, "qty", -e.goods.qty, 0);
    append_number(line, "value", value, 2);
    line += ",\"sold_ts\":";
    times_.append_iso(line, sold);
    line += ",\"days_since_sale\":";
    append_sixty_fourths(line, days);
    measure(facts, kLine, static_cast<int64_t>(e.line) + 1);
    measure(facts, kQty, -e.goods.qty);
    measure(facts, kValue, value);
    measure(facts, kDaysSinceSale, days);
  }

  const Receipts receipts_;
  Receipt receipt_;
};

}  // namespace

std::span<const RetailGenerator::Known> returns_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_returns_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<ReturnsGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
