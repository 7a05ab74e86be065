#include "server/api/saved_views.h"

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "server/json/json_value.h"

namespace freshet {
namespace {

// A metadata store in a folder that goes with it.
class Kept {
 public:
  Kept() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "freshet-views-XXXXXX")
            .string();
    folder_ = ::mkdtemp(pattern.data());
    reopen();
  }
  ~Kept() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void reopen() {
    store_.reset();
    auto opened = MetadataStore::open(folder_ + "/metadata");
    REQUIRE(opened.has_value());
    store_ = std::move(*opened);
  }
  MetadataStore& store() { return *store_; }

 private:
  std::string folder_;
  std::unique_ptr<MetadataStore> store_;
};

Result<std::string> save(MetadataStore& store, const std::string& json) {
  auto body = parse_json(json);
  REQUIRE(body.has_value());
  return SavedViews(store).save(*body);
}

std::string refusal(MetadataStore& store, const std::string& json) {
  auto saved = save(store, json);
  REQUIRE(!saved.has_value());
  return saved.error().message;
}

JsonArray listed(MetadataStore& store) {
  auto json = SavedViews(store).list_json();
  REQUIRE(json.has_value());
  return *parse_json(*json)->find("views")->as_array();
}

TEST_CASE("views are listed by title and survive a restart") {
  Kept kept;
  CHECK(listed(kept.store()).empty());
  REQUIRE(save(kept.store(), R"({"title":"Weekly","address":"/d/b?x=1"})")
              .has_value());
  REQUIRE(save(kept.store(), R"({"title":"Daily <b>","address":"/d/a",)"
                             R"("description":"every \"morning\""})")
              .has_value());
  kept.reopen();
  JsonArray views = listed(kept.store());
  REQUIRE(views.size() == 2);
  CHECK(*views[0].find("title")->as_string() == "Daily <b>");
  CHECK(*views[0].find("description")->as_string() == "every \"morning\"");
  CHECK(*views[1].find("address")->as_string() == "/d/b?x=1");
}

TEST_CASE("the same title replaces, another id is not found") {
  Kept kept;
  REQUIRE(
      save(kept.store(), R"({"title":"Weekly","address":"/d/a"})").has_value());
  auto again = save(kept.store(), R"({"title":"Weekly","address":"/d/b"})");
  JsonArray views = listed(kept.store());
  REQUIRE(views.size() == 1);
  CHECK(*views[0].find("address")->as_string() == "/d/b");
  std::string id = *parse_json(*again)->find("view")->as_string();
  Status missing = SavedViews(kept.store()).remove("nothing");
  REQUIRE(!missing.has_value());
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(SavedViews(kept.store()).remove(id).has_value());
  CHECK(listed(kept.store()).empty());
}

TEST_CASE("a view leads to a page of this server only") {
  Kept kept;
  for (const char* address :
       {"https://evil.example/", "//evil.example/", "javascript:alert(1)",
        "d/a", "/d/a b", "/d\\\\a", "/\\t/evil.example"}) {
    std::string json =
        R"({"title":"x","address":")" + std::string(address) + "\"}";
    INFO(json);
    CHECK(refusal(kept.store(), json).find("a page of this server") !=
          std::string::npos);
  }
}

TEST_CASE("what a view may not be") {
  Kept kept;
  CHECK(refusal(kept.store(), "[]") == "a view is an object, not array");
  CHECK(refusal(kept.store(), R"({"address":"/"})") ==
        "the key 'title' is missing");
  CHECK(refusal(kept.store(), R"({"title":"x","adress":"/"})") ==
        "unknown key 'adress' in a view; did you mean 'address'?");
  CHECK(refusal(kept.store(), R"({"title":7,"address":"/"})") ==
        "'title' is a text of 1 to 200 bytes, not number");
  std::string longer(SavedViews::kMostTitle + 1, 'x');
  CHECK(refusal(kept.store(), R"({"address":"/","title":")" + longer + "\"}") ==
        "'title' is a text of 1 to 200 bytes, not one of 201");
}

TEST_CASE("no more views than are kept") {
  Kept kept;
  std::vector<std::pair<std::string, std::string>> puts;
  for (size_t i = 0; i < SavedViews::kMost; ++i) {
    puts.emplace_back("view/" + std::to_string(i), R"({"title":"t"})");
  }
  REQUIRE(kept.store().change(puts, {}).has_value());
  auto saved = save(kept.store(), R"({"title":"one more","address":"/"})");
  REQUIRE(!saved.has_value());
  CHECK(saved.error().code == ErrorCode::kLimit);
}

}  // namespace
}  // namespace freshet
