// Checkpoints where files can have no second name.
#include <doctest/doctest.h>

#include <filesystem>

#include "segments/checkpoint_files.h"
#include "segments/forwarding_files.h"
#include "tests/segments/backup_scenario.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// A disk that has no second names for files, or not for those of another one.
class NoLinks final : public ForwardingFiles {
 public:
  NoLinks() : ForwardingFiles(real_file_system()) {}
  Status link(const std::string& from, const std::string&) override {
    return Error{ErrorCode::kIo,
                 "cannot link: Invalid cross-device link: " + from};
  }
};

TEST_CASE("segments that cannot be linked are copied into a checkpoint") {
  Scenario scenario(7);
  fill(scenario);
  scenario.store.reset();
  NoLinks files;
  std::string folder = scenario.folder.path();
  auto store = SegmentStore::open(folder, files);
  REQUIRE(store.has_value());
  Status made = (*store)->checkpoint(folder + "/now", [] { return Status(); });
  REQUIRE_MESSAGE(made.has_value(), made.error().message);
  CHECK(rows_of(folder + "/now") == scenario.expected());
}

TEST_CASE("a file that waits to be copied may be removed") {
  TemporaryFolder folder;
  NoLinks files;
  std::string from = folder.path() + "/from", text(3 << 20, 'x');
  auto file = files.create(from);
  REQUIRE((*file)->append(text).has_value());
  CheckpointFiles taken(folder.path(), files);
  CHECK(taken.take(folder.path() + "/none", "none")
            .error()
            .message.find("cross-device") != std::string::npos);
  REQUIRE(taken.take(from, "to").has_value());
  fs::remove(from);
  REQUIRE(taken.copy_rest().has_value());
  auto copied = MappedFile::open(folder.path() + "/to");
  REQUIRE(copied.has_value());
  CHECK((*copied)->bytes() == text);
}

}  // namespace
}  // namespace freshet
