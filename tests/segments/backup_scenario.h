// A store to be backed up, and what is in a folder that was restored.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "segments/backup.h"
#include "tests/segments/store_scenario.h"

namespace freshet {

// Two hours of sealed rows, some of them hidden.
inline void fill(Scenario& scenario) {
  for (int i = 0; i < 3; ++i) {
    scenario.append(60);
    REQUIRE(scenario.seal().has_value());
    scenario.sealed();
  }
  REQUIRE(scenario.hide().has_value());
}

inline std::string checkpoint(Scenario& scenario, const std::string& name) {
  std::string folder = scenario.folder.path() + "/" + name;
  Status made = scenario.store->checkpoint(folder, [] { return Status(); });
  REQUIRE_MESSAGE(made.has_value(), made.error().message);
  return folder;
}

// Fills it, and makes a backup of that: its folder.
inline std::string backed_up(Scenario& scenario) {
  std::string backup = scenario.folder.path() + "/backup";
  fill(scenario);
  REQUIRE(create_backup(checkpoint(scenario, "now"), backup).has_value());
  return backup;
}

inline std::vector<Row> rows_of(const std::string& folder) {
  auto store = SegmentStore::open(folder);
  REQUIRE_MESSAGE(store.has_value(), store.error().message);
  CHECK((*store)->damaged().empty());
  return visible_rows(**store);
}

}  // namespace freshet
