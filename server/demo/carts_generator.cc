// Carts of the app: made, taken to the checkout, ordered or given up; and how
// many sessions there were.
#include <algorithm>
#include <tuple>

#include "server/demo/receipts.h"
#include "server/demo/step_generator.h"

namespace freshet {
namespace {

enum Column : size_t {
  kCartId,
  kType,
  kSessionId,
  kDevice,
  kStore,
  kRegion,
  kMemberId,
  kTxnId,
  kItems,
  kValue,
  kSessions,
  kColumns
};
constexpr ColumnType kText{ColumnKind::kString, 0};
constexpr ColumnType kWhole{ColumnKind::kLong, 0};
constexpr RetailGenerator::Known kKnown[kColumns] = {
    {"cart_id", kText},    {"type", kText},
    {"session_id", kText}, {"device", kText},
    {"store", kText},      {"region", kText},
    {"member_id", kText},  {"txn_id", kText},
    {"items", kWhole},     {"value", {ColumnKind::kDecimal, 2}},
    {"sessions", kWhole}};

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kIdleMs = 30 * kMinuteMs;  // then a cart is given up
constexpr uint64_t kTracked = 7;             // two in seven app receipts
constexpr double kGivenUpPerDay = 1'400;
constexpr double kSessionsPerStep = 150;
constexpr const char* kDevices[] = {"phone", "tablet", "desktop"};

enum class Type : uint8_t {
  kSessions,
  kCreated,
  kCheckout,
  kOrdered,
  kAbandoned
};
constexpr const char* kTypes[] = {"sessions", "created", "checkout", "ordered",
                                  "abandoned"};

struct CartEvent {
  Timestamp time;
  size_t store = 0;
  Type type = Type::kSessions;
  bool ordered = false;  // in the end, as the receipt `step`, `index`
  int64_t step = 0;
  uint64_t index = 0;
  size_t device = 0;
  int64_t member = -1;
  int64_t items = 0, cents = 0, sessions = 0;
  auto order() const {
    return std::tuple(time.ms, type, step, index, device, ordered);
  }
};

class CartsGenerator final : public StepGenerator<CartEvent> {
 public:
  CartsGenerator(const DatasetModel& dataset, const GeneratorOptions& options)
      : StepGenerator(dataset, options, kCartsPerDay, 3, 4),
        receipts_(options.seed, sales_per_second(), options.late),
        given_up_(mix64(options.seed, "given up"), TrafficCurve::Shape::kSales,
                  kGivenUpPerDay / 86'400 * scale_) {
    add_clock_change();
  }

  void fill(int64_t step, std::vector<CartEvent>& out) override {
    add_sessions(step, out);
    for (uint64_t i = 0; i < receipts_.arrivals().count(step); ++i) {
      if (mix64(static_cast<uint64_t>(step), i) % kTracked >= 2) continue;
      receipts_.read_head(step, i, receipt_);
      bool app = std::string_view(receipt_.channel) == "app";
      if (app && !receipt_.is_return) add_ordered(step, i, out);
    }
    for (uint64_t i = 0; i < given_up_.count(step); ++i)
      add_given_up(step, i, out);
  }

  void write(std::string& line, const CartEvent& e,
             EventFacts& facts) override {
    append_text(line, "type", kTypes[static_cast<size_t>(e.type)]);
    append_text(line, "device", kDevices[e.device]);
    append_text(line, "store", store(facts).code);
    append_text(line, "region", store(facts).region);
    if (e.type == Type::kSessions) {
      append_number(line, "sessions", e.sessions, 0);
      measure(facts, kSessions, e.sessions);
      return;
    }
    for (const char* name : {"cart_id\":\"C", "session_id\":\"S"}) {
      line += ",\"";
      line += name;
      line.push_back(e.ordered ? 'A' : 'B');
      append_digits(line, static_cast<uint64_t>(e.step), 7);
      line.push_back('-');
      append_digits(line, e.index, e.index < 10'000 ? 4 : 10);
      line.push_back('"');
    }
    append_member(line, e.member);
    if (e.type == Type::kOrdered) {
      line += ",\"txn_id\":\"";
      receipts_.append_id(line, e.step, e.index);
      line.push_back('"');
    }
    append_number(line, "items", e.items, 0);
    append_number(line, "value", e.cents, 2);
    measure(facts, kItems, e.items);
    measure(facts, kValue, e.cents);
  }

 private:
  static void add(std::vector<CartEvent>& out, CartEvent e, Type type,
                  int64_t time_ms) {
    e.type = type;
    e.time = {time_ms};
    out.push_back(e);
  }

  void add_sessions(int64_t step, std::vector<CartEvent>& out) {
    TrafficCurve::Weight weight = curve_.at(step_start(step).ms);
    double sessions =
        kSessionsPerStep * scale_ * weight.total * weight.online_share;
    for (size_t device = 0; device < std::size(kDevices); ++device) {
      CartEvent e;
      e.device = device;
      e.step = step;
      e.store = world_->web();
      e.sessions = static_cast<int64_t>(sessions * (device == 0   ? 1.7
                                                    : device == 1 ? 0.2
                                                                  : 0.4));
      add(out, e, Type::kSessions, step_start(step + 1).ms - 1);
    }
  }

  CartEvent cart(int64_t step, uint64_t index, Random& random) const {
    CartEvent e;
    e.step = step;
    e.index = index;
    double device = random.uniform();
    e.device = device < 0.74 ? 0 : device < 0.83 ? 1 : 2;
    return e;
  }

  void add_ordered(int64_t step, uint64_t i, std::vector<CartEvent>& out) {
    receipts_.read(step, i, receipt_);
    Random random(mix64(options_.seed + 5, static_cast<uint64_t>(step), i));
    CartEvent e = cart(step, i, random);
    e.ordered = true;
    e.store = receipt_.store;
    e.member = receipt_.member;
    e.cents = receipt_.net_cents();
    for (const ReceiptLine& line : receipt_.lines) e.items += line.qty;
    int64_t end = receipt_.arrived.ms;
    auto took =
        static_cast<int64_t>(2 * kMinuteMs + random.below(16 * kMinuteMs));
    add(out, e, Type::kCreated, end - took);
    add(out, e, Type::kCheckout, end - took / 4);
    add(out, e, Type::kOrdered, end);
  }

  void add_given_up(int64_t step, uint64_t i, std::vector<CartEvent>& out) {
    Random random(mix64(options_.seed + 6, static_cast<uint64_t>(step), i));
    CartEvent e = cart(step, i, random);
    e.store =
        random.chance(0.75) ? world_->pick_store.draw(random) : world_->web();
    if (random.chance(0.6))
      e.member = static_cast<int64_t>(world_->pick_member.draw(random));
    e.items = 1 + random.geometric(0.7, 30);
    for (int64_t k = 0; k < e.items; ++k)
      e.cents +=
          world_->articles[world_->pick_article.draw(random)].price_cents;
    int64_t made = given_up_.time(step, i).ms;
    add(out, e, Type::kCreated, made);
    if (random.chance(0.4)) add(out, e, Type::kCheckout, made + 5 * kMinuteMs);
    add(out, e, Type::kAbandoned, made + kIdleMs);
  }

  const Receipts receipts_;
  const Arrivals given_up_;
  const TrafficCurve curve_{options_.seed, TrafficCurve::Shape::kSales};
  Receipt receipt_;
};

}  // namespace

std::span<const RetailGenerator::Known> carts_columns() { return kKnown; }

Result<std::unique_ptr<EventGenerator>> make_carts_generator(
    const DatasetModel& dataset, const GeneratorOptions& options) {
  auto generator = std::make_unique<CartsGenerator>(dataset, options);
  TRY(generator->prepare(dataset, kKnown));
  return std::unique_ptr<EventGenerator>(std::move(generator));
}

}  // namespace freshet
