// Lookup tables: edits, snapshots, and expressions bound to them.
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <map>

#include "server/query/batch_expression.h"
#include "server/query/lookup_source.h"
#include "server/query/query.h"

using namespace freshet;

namespace {

constexpr ExpressionType kText{ValueType::kString};
constexpr ExpressionType kLong{ValueType::kLong};

using Edit = LookupTable::Edit;

Edit put(const char* key, const char* category, int64_t size) {
  return {Value(key), std::vector<Value>{Value(category), Value(size)}};
}
Edit gone(const char* key) { return {Value(key), std::nullopt}; }

std::shared_ptr<const LookupTable> products() {
  auto made = LookupTable::create(
      "products", "1", {"sku", kText}, {{"category", kText}, {"size", kLong}},
      {{Value("a"), Value("tools"), Value(int64_t{1})},
       {Value("b"), Value("toys"), Value(int64_t{2})},
       {Value("a"), Value("food"), Value(int64_t{3})}});
  REQUIRE(made.has_value());
  return *made;
}

// "a=food/3 b=toys/2", in the order of the table.
std::string text_of(const LookupTable& table) {
  std::string out;
  for (size_t r = 0; r < table.num_rows(); ++r) {
    out += fmt::format("{}{}={}/{}", out.empty() ? "" : " ",
                       table.keys().keys()[r].to_text(),
                       (*table.map(0)->values)[r].to_text(),
                       (*table.map(1)->values)[r].to_text());
  }
  return out;
}

struct Tables : LookupSource {
  std::map<std::string, std::shared_ptr<const LookupTable>, std::less<>> tables;
  std::string unread;  // the name of one that is not ready
  Status ready(std::string_view name) const override {
    if (name != unread) return {};
    return Error{ErrorCode::kUnavailable, "not read yet: " + unread};
  }
  mutable int asked = 0;
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, table] : tables) out.push_back(name);
    return out;
  }
  std::shared_ptr<const LookupTable> snapshot(
      std::string_view name) const override {
    ++asked;
    auto at = tables.find(name);
    return at == tables.end() ? nullptr : at->second;
  }
};

ExpressionPtr category_of_sku(const LookupTable& table) {
  auto call = std::make_shared<Expression>();
  call->kind = Expression::Kind::kCall;
  call->name = "lookup_value";
  call->map = table.map(0);
  call->arguments = {column("sku")};
  Schema schema{{{"__time", {ColumnKind::kTimestamp, 0}, false},
                 {"sku", {ColumnKind::kString, 0}, false}}};
  auto resolved = resolve(call, schema);
  REQUIRE(resolved.has_value());
  return *resolved;
}

}  // namespace

TEST_CASE("of rows of one key the last stays") {
  CHECK(text_of(*products()) == "a=food/3 b=toys/2");
}

TEST_CASE("edits make a new table and leave the old one") {
  auto before = products();
  auto after = before->edited(
      "2", {put("b", "games", 7),
            gone("a"),
            put("c", "x", 1),
            gone("c"),
            put("d", "y", 4),
            put("d", "z", 5),
            gone("never"),
            {Value(), std::vector<Value>{Value("null"), Value()}}});
  CHECK(text_of(*after) == "b=games/7 d=z/5");
  CHECK(text_of(*before) == "a=food/3 b=toys/2");
  CHECK(after->map(0)->identity != before->map(0)->identity);
  CHECK(after->keys().find(Value("a")) == KeyIndex::kNone);
  CHECK(after->keys().find(Value("d")) == 1);
  CHECK(after->keys().find(Value()) == KeyIndex::kNone);
  // A key that goes and comes again in one step is there.
  CHECK(text_of(*before->edited("3", {gone("a"), put("a", "new", 9)})) ==
        "a=new/9 b=toys/2");
}

TEST_CASE("long keys") {
  auto table = LookupTable::create("s", "1", {"id", kLong}, {{"v", kText}}, {});
  REQUIRE(table.has_value());
  auto after = (*table)->edited(
      "2", {{Value(int64_t{-5}), std::vector<Value>{Value("x")}},
            {Value(int64_t{7}), std::vector<Value>{Value()}}});
  CHECK(after->keys().find(Value(int64_t{-5})) == 0);
  CHECK(after->keys().find(Value(int64_t{5})) == KeyIndex::kNone);
}

TEST_CASE("columns have their own names in SQL, and Druid's behind them") {
  auto names_of = [](const LookupTable& table) {
    std::string names;
    for (const auto& column : table.rows().columns) names += column.name + " ";
    return names;
  };
  auto table = products();
  QueryResult rows = table->rows();
  CHECK(names_of(*table) == "sku category size k v ");
  CHECK(table->num_named() == 3);
  REQUIRE(rows.rows.size() == 2);
  CHECK(rows.rows[0] == std::vector<Value>{Value("a"), Value("food"),
                                           Value(int64_t{3}), Value("a"),
                                           Value("food")});
  auto named = [](const char* key, std::vector<ResultColumn> values) {
    return *LookupTable::create("s", "1", {key, kText}, std::move(values), {});
  };
  CHECK(names_of(*named("k", {{"name", kText}})) == "k name v ");
  CHECK(names_of(*named("k", {{"v", kText}})) == "k v ");
  // Names of its own come first, whatever Druid means by them.
  auto swapped = named("v", {{"k", kText}, {"x", kText}});
  CHECK(names_of(*swapped) == "v k x ");
  CHECK_FALSE(swapped->value_of(0));
  CHECK(swapped->value_of(1) == 0);
  auto other = named("id", {{"x", kText}, {"k", kText}});
  CHECK(names_of(*other) == "id x k v ");
  CHECK(other->value_of(3) == 0);
  CHECK_FALSE(table->value_of(3));
  CHECK(table->value_of(4) == 0);
}

TEST_CASE("expressions over shapes are bound to what there is") {
  auto shape = LookupTable::shape("products", {"sku", kText},
                                  {{"category", kText}, {"size", kLong}});
  ExpressionPtr unbound = category_of_sku(*shape);
  CHECK(uses_lookups(unbound));
  std::set<std::string> names;
  collect_lookups(unbound, names);
  CHECK(names == std::set<std::string>{"products"});
  Tables source;
  auto none = bind_lookups(unbound, &source);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == ErrorCode::kUnavailable);
  source.tables["products"] = products();
  auto bound = bind_lookups(unbound, &source);
  REQUIRE(bound.has_value());
  CHECK_FALSE(uses_lookups(*bound));
  auto schema = std::make_shared<const Schema>(
      Schema{{{"__time", {ColumnKind::kTimestamp, 0}, false},
              {"sku", {ColumnKind::kString, 0}, false}}});
  ColumnBatch batch(schema);
  for (const char* sku : {"b", "nothing"}) {
    batch.set_long(0, 0);
    batch.set_string(1, sku);
    batch.commit_row();
  }
  auto values = evaluate(**bound, batch);
  REQUIRE(values.has_value());
  CHECK(values->strings[0] == "toys");
  CHECK(values->nulls[1] == 1);
  // What SQL made of a table of its own is left alone.
  ExpressionPtr own = category_of_sku(*products());
  CHECK_FALSE(uses_lookups(own));
  CHECK(*bind_lookups(own, nullptr) == own);
}

TEST_CASE("a lookup that is of another type now is not read") {
  auto shape =
      LookupTable::shape("products", {"sku", kText}, {{"category", kLong}});
  Tables source;
  source.tables["products"] = products();
  Query query;
  query.filter = category_of_sku(*shape);
  Status bound = bind_lookups(query, &source);
  REQUIRE_FALSE(bound.has_value());
  CHECK(bound.error().message ==
        "the lookup is of another type now: products.category");
}

TEST_CASE("a statement sees each lookup as it first was") {
  Tables source;
  source.tables["products"] = products();
  LookupSnapshots view(&source);
  auto first = view.snapshot("products");
  source.tables["products"] = first->edited("2", {gone("a")});
  CHECK(view.snapshot("products") == first);
  CHECK(source.asked == 1);
  CHECK(view.snapshot("nothing") == nullptr);
  CHECK(LookupSnapshots(nullptr).names().empty());
}

TEST_CASE("an answer made of a lookup that was never read is not complete") {
  Tables source;
  source.tables["products"] = products();
  source.unread = "products";
  LookupSnapshots view(&source);
  Provenance answer;
  view.tell(answer);
  CHECK(answer.complete);
  view.snapshot("products");
  source.unread = "";  // it was read meanwhile, but not into this snapshot
  view.snapshot("products");
  for (int twice = 0; twice < 2; ++twice) view.tell(answer);
  CHECK(!answer.complete);
  CHECK(answer.served_by == std::vector<std::string>{"not read yet: products"});
}
