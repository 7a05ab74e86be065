// What members do: points for each receipt with a card, vouchers cashed, new
// accounts and changed ones.
#include <tuple>

#include "server/demo/receipts.h"
#include "server/demo/step_generator.h"

namespace freshet {
namespace {

enum Column : size_t {
  kMemberId,
  kType,
  kPoints,
  kTxnId,
  kStore,
  kRegion,
  kChannel,
  kVoucherId,
  kDiscount,
  kDevice,
  kIp,
  kRepeat,
  kHoursSinceChange,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"member_id", kText},
    {"type", kText},
    {"points", {ColumnKind::kLong, 0}},
    {"txn_id", kText},
    {"store", kText},
    {"region", kText},
    {"channel", kText},
    {"voucher_id", kText},
    {"discount", {ColumnKind::kDecimal, 2}},
    {"device", kText},
    {"ip", kText},
    {"repeat", {ColumnKind::kBool, 0}},
    {"hours_since_change", {ColumnKind::kDouble, 0}}};

constexpr int64_t kStepsADay = 144;
constexpr int64_t kRepeatMs = int64_t{30} * 86'400'000;
constexpr int64_t kVoucherPoints = 200;
constexpr double kSignUpsPerDay = 60, kChangesPerDay = 25;

enum class Type : uint8_t {
  kEarned,
  kReversed,
  kRedeemed,
  kSignedUp,
  kProfileChanged
};
constexpr const char* kTypes[] = {"earned", "reversed", "redeemed", "signed_up",
                                  "profile_changed"};

struct LoyaltyEvent {
  Timestamp time;
  size_t store = 0;
  int64_t step = 0;
  uint64_t index = 0;
  Type type = Type::kEarned;
  const char* channel = "";
  int64_t member = 0;
  int64_t points = 0;
  int64_t voucher = -1;
  int64_t discount_cents = 0;
  int64_t hours = -1;  // in 64ths; of redeemed
  bool ring = false, repeat = false;
  auto order() const { return std::tuple(time.ms, type, step, index, member); }
};

class LoyaltyGenerator final : public StepGenerator<LoyaltyEvent> {
 public:
  LoyaltyGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : StepGenerator(dataset, options, kLoyaltyPerDay, 0, 0),
        receipts_(options.seed, sales_per_second(), options.late),
        sign_ups_(mix64(options.seed, "sign-ups"), TrafficCurve::Shape::kSales,
                  kSignUpsPerDay / 86'400 * scale_),
        changes_(mix64(options.seed, "changes"), TrafficCurve::Shape::kSales,
                 kChangesPerDay / 86'400 * scale_) {
    ring_ = add_story(Story::kVoucherRing, "voucher_ring",
                      "voucher_id LIKE 'VX-%'");
    add_clock_change();
    if (!options.rows) remember();
  }

  void fill(int64_t step, std::vector<LoyaltyEvent>& out) override {
    for (uint64_t i = 0; i < receipts_.arrivals().count(step); ++i) {
      receipts_.read_head(step, i, receipt_);
      if (receipt_.member < 0) continue;
      receipts_.read(step, i, receipt_);
      add_receipt(out);
    }
    add_accounts(sign_ups_, Type::kSignedUp, step, out);
    add_accounts(changes_, Type::kProfileChanged, step, out);
    add_ring(step, out);
  }

  void write(std::string& line, const LoyaltyEvent& e,
             EventFacts& facts) override {
    append_member(line, e.member);
    append_text(line, "type", kTypes[static_cast<size_t>(e.type)]);
    append_text(line, "store", store(facts).code);
    append_text(line, "region", store(facts).region);
    append_text(line, "channel", e.channel);
    append_number(line, "points", e.points, 0);
    measure(facts, kPoints, e.points);
    append_voucher(line, e.voucher, e.ring);
    if (e.type <= Type::kRedeemed) {
      line += ",\"txn_id\":\"";
      receipts_.append_id(line, e.step, e.index);
      line.push_back('"');
    }
    append_number(line, "discount", e.discount_cents, 2);
    measure(facts, kDiscount, e.discount_cents);
    append_flag(line, "repeat", e.repeat);
    write_origin(line, e);
    if (e.hours < 0) return;
    line += ",\"hours_since_change\":";
    append_sixty_fourths(line, e.hours);
    measure(facts, kHoursSinceChange, e.hours);
    if (e.ring) facts.stories |= ring_;
  }

 private:
  // Who bought something in the thirty days before.
  void remember() {
    int64_t first = step_of(options_.start);
    for (int64_t step = first - 30 * kStepsADay; step < first; ++step) {
      for (uint64_t i = 0; i < receipts_.arrivals().count(step); ++i) {
        receipts_.read_head(step, i, receipt_);
        if (receipt_.member >= 0 && !receipt_.is_return) is_repeat();
      }
    }
  }

  // Whether the member of the receipt has bought in the thirty days before.
  bool is_repeat() {
    auto member = static_cast<size_t>(receipt_.member);
    if (last_.size() <= member) last_.resize(member + 1, INT64_MIN / 2);
    int64_t before = std::exchange(last_[member], receipt_.arrived.ms);
    return receipt_.arrived.ms - before < kRepeatMs;
  }

  void add_receipt(std::vector<LoyaltyEvent>& out) {
    const Receipt& r = receipt_;
    LoyaltyEvent e;
    e.time = r.arrived;
    e.store = r.store;
    e.step = r.step;
    e.index = r.index;
    e.type = r.is_return ? Type::kReversed : Type::kEarned;
    e.channel = r.channel;
    e.member = r.member;
    e.points = r.net_cents() / 100;  // one for each whole euro
    e.repeat = !r.is_return && is_repeat();
    e.ring = r.ring;
    out.push_back(e);
    if (r.voucher < 0 || r.is_return) return;
    e.type = Type::kRedeemed;
    e.points = -kVoucherPoints;
    e.voucher = r.voucher;
    e.repeat = false;
    for (const ReceiptLine& line : r.lines)
      e.discount_cents += line.discount_cents;
    e.hours = hours_since_change(r);
    out.push_back(e);
  }

  // Since the account was made or changed; the ring's are minutes old.
  int64_t hours_since_change(const Receipt& r) const {
    constexpr int64_t kUnitMs = 3'600'000 / 64;
    if (r.ring) {
      auto window = story_at(Story::kVoucherRing, r.arrived);
      if (window) return (r.arrived.ms - window->from.ms) / kUnitMs;
    }
    Random random(mix64(options_.seed, static_cast<uint64_t>(r.member)));
    return 24 * 64 + static_cast<int64_t>(random.below(5000 * 64));
  }

  void add_accounts(const Arrivals& arrivals, Type type, int64_t step,
                    std::vector<LoyaltyEvent>& out) {
    for (uint64_t i = 0; i < arrivals.count(step); ++i) {
      Random random(mix64(mix64(options_.seed, static_cast<uint64_t>(type)),
                          static_cast<uint64_t>(step), i));
      LoyaltyEvent e;
      e.time = arrivals.time(step, i);
      e.store = world_->pick_store.draw(random);
      e.step = step;
      e.index = i;
      e.type = type;
      e.channel = random.chance(0.5) ? "app" : "store";
      e.member = static_cast<int64_t>(world_->pick_member.draw(random));
      out.push_back(e);
    }
  }

  // The ring's accounts are made in the ten minutes before it cashes in.
  void add_ring(int64_t step, std::vector<LoyaltyEvent>& out) {
    auto window = story_at(Story::kVoucherRing, step_start(step + 1));
    if (!window || step_of(window->from) != step + 1) return;
    for (int64_t k = 0; k < kRingMembers; ++k) {
      LoyaltyEvent e;
      e.time = {step_start(step).ms + k * 40'000};
      e.store = world_->web();
      e.step = step;
      e.type = Type::kSignedUp;
      e.channel = "app";
      e.member = kFirstRingMember + k;
      e.ring = true;
      out.push_back(e);
    }
  }

  // The ring sits at one device; a member has two.
  void write_origin(std::string& line, const LoyaltyEvent& e) {
    uint64_t origin =
        e.ring ? mix64(options_.seed, "ring")
               : mix64(options_.seed, static_cast<uint64_t>(e.member),
                       static_cast<uint64_t>(e.time.ms) / 1000 % 2);
    line += ",\"device\":\"D";
    append_digits(line, origin % 100'000'000, 8);
    line += "\",\"ip\":\"83.";
    append_int(line, static_cast<int64_t>(origin >> 8 & 255));
    line.push_back('.');
    append_int(line, static_cast<int64_t>(origin >> 16 & 255));
    line.push_back('.');
    append_int(line, static_cast<int64_t>(origin >> 24 & 255));
    line.push_back('"');
  }

  const Receipts receipts_;
  const Arrivals sign_ups_, changes_;
  Receipt receipt_;
  std::vector<int64_t> last_;  // purchase, by member
  uint32_t ring_ = 0;
};

}  // namespace

std::span<const RetailGenerator::Known> loyalty_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_loyalty_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<LoyaltyGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
