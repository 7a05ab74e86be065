// A first definition from sample messages.
#include <doctest/doctest.h>

#include "ingest/schema_inference.h"

using namespace freshet;

namespace {

std::string yaml_of(const std::vector<std::string>& events) {
  std::vector<RawMessage> messages;
  for (const std::string& event : events) {
    RawMessage message;
    message.value = event;
    messages.push_back(message);
  }
  auto found = infer_dataset(messages);
  REQUIRE(found.has_value());
  return inferred_yaml(*found, "prices", "b:9092", "prices");
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a number with a fraction has two digits at least") {
  std::string yaml = yaml_of({R"({"a":0.5,"b":0.125,"c":3,"d":1.5})",
                              R"({"a":1.5,"b":1.5,"c":4,"d":1e9})"});
  CHECK(has(yaml, "name: a, type: decimal(2)"));
  CHECK(has(yaml, "name: b, type: decimal(3)"));
  CHECK(has(yaml, "name: c, type: long"));
  CHECK(has(yaml, "name: d, type: double"));
}

TEST_CASE("fields that were always null are named") {
  std::string yaml =
      yaml_of({R"({"a":1,"memo":null,"shop":null,"tags":null,"b":null,
                   "item":{"note":null}})",
               R"({"a":1,"memo":null,"shop":{"id":2},"tags":[],"b":3})"});
  CHECK(has(yaml, "# memo was null in all of them"));
  CHECK(has(yaml, "# item.note was null in all of them"));
  for (const char* known : {"# shop was", "# tags was", "# b was", "# a was"}) {
    CHECK_FALSE(has(yaml, known));
  }
}

TEST_CASE("a line break in a name or a value ends no line of the model") {
  std::string yaml = yaml_of({R"({"a":1,"no\nne: 1":null,"li\nst: 2":[1],
      "od\n.d: 3":4,"text":"b\nc: 5"})"});
  for (const char* begun : {"\nne: 1", "\nst: 2", "\n.d: 3", "\nc: 5"}) {
    CHECK_FALSE(has(yaml, begun));
  }
}

TEST_CASE("fields whose names no path can say are named") {
  std::string yaml =
      yaml_of({R"({"a":1,"a.b":2,"q\"uo":3,"":4,"a[0]":5,"$x":6})"});
  for (const char* name : {R"("a.b")", R"("q\"uo")", R"("")", R"("$x")"}) {
    CHECK(has(yaml, std::string("# ") + name + " is left out"));
  }
}
