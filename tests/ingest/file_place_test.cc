#include "ingest/file_place.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "tests/ingest/scratch_folder.h"

using namespace freshet;

namespace {

namespace fs = std::filesystem;
using After = FilePlaceSettings::After;

class Drop {
 public:
  explicit Drop(After after) : after_(after) { reopen(); }

  // As after a restart.
  void reopen() {
    FilePlaceSettings settings;
    settings.path = path("*.csv");
    settings.after = after_;
    auto opened = FilePlace::open(settings, "");
    REQUIRE(opened.has_value());
    place_ = std::move(*opened);
  }
  std::string path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  // By a rename, with a time as of `seconds`.
  void put(const std::string& name, const std::string& text,
           int64_t seconds = 1'790'000'000) const {
    std::ofstream(path(".new")) << text;
    timespec times[2] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(utimensat(AT_FDCWD, path(".new").c_str(), times, 0) == 0);
    fs::rename(path(".new"), path(name));
  }
  PlacedFile listed(const std::string& name) {
    auto files = place_->list();
    REQUIRE(files.has_value());
    for (PlacedFile& file : *files) {
      if (file.name == name) return file;
    }
    FAIL("not listed");
    return {};
  }
  std::string text(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  FilePlace& place() { return *place_; }

 private:
  const ScratchFolder folder_;
  const After after_;
  std::unique_ptr<FilePlace> place_;
};

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("a file that the disk has no room for is not fetched") {
  ScratchFolder folder;
  FilePlaceSettings settings;
  settings.path = "s3://bucket/*.csv";
  settings.endpoint = "http://127.0.0.1:1";
  auto place = FilePlace::open(settings, folder.path() + "/fetched");
  REQUIRE(place.has_value());
  auto fetched = (*place)->fetch({"large.csv", uint64_t{1} << 60, ""});
  CHECK(fetched.error().code == ErrorCode::kIo);
  CHECK(fetched.error().message.find("no space left") != std::string::npos);
  CHECK(fs::is_empty(folder.path() + "/fetched"));
}

TEST_CASE("only the file that was read is put away") {
  for (After after : {After::kDelete, After::kMove}) {
    Drop drop(after);
    drop.put("a.csv", "one");
    PlacedFile first = drop.listed("a.csv");
    drop.put("a.csv", "two");  // as large, and as old
    CHECK_FALSE(drop.place().unchanged(first).has_value());
    CHECK(drop.place().finish(first).has_value());
    CHECK(drop.text("a.csv") == "two");
    PlacedFile second = drop.listed("a.csv");
    CHECK(second != first);
    CHECK(drop.place().unchanged(second).has_value());
    CHECK(drop.place().finish(second).has_value());
    CHECK_FALSE(fs::exists(drop.path("a.csv")));
    CHECK(drop.names() == (after == After::kMove ? Names{"done"} : Names{}));
    if (after == After::kMove) CHECK(drop.text("done/a.csv") == "two");
    CHECK(drop.place().finish(second).has_value());  // nothing is there
  }
}

TEST_CASE("a link is put away, not what it leads to") {
  Drop drop(After::kDelete);
  drop.put("in.data", "one");
  fs::create_symlink("in.data", drop.path("a.csv"));
  CHECK(drop.place().finish(drop.listed("a.csv")).has_value());
  CHECK(drop.names() == Names{"in.data"});
}

TEST_CASE("what a crash left between the places comes back") {
  Drop drop(After::kDelete);
  fs::create_directory(drop.path(".leaving-1"));
  fs::create_directory(drop.path(".leaving-2"));
  drop.put(".leaving-1/a.csv", "one");
  drop.put(".leaving-1/other.json", "not ours");
  drop.put(".leaving-2/b.csv", "two");
  drop.put("b.csv", "three");
  drop.reopen();
  PlacedFile newer = drop.listed("b.csv");
  CHECK(drop.text("a.csv") == "one");
  CHECK(drop.text("b.csv") == "three");
  CHECK(drop.text(".leaving-1/other.json") == "not ours");
  // The older one waits until the name is free.
  CHECK(drop.place().finish(newer).has_value());
  (void)drop.listed("b.csv");
  CHECK(drop.text("b.csv") == "two");
  CHECK(drop.names() == Names{".leaving-1", "a.csv", "b.csv"});
}

TEST_CASE("a link in the place of such a folder is not followed") {
  ScratchFolder elsewhere;
  std::ofstream(elsewhere.path() + "/secret.csv") << "s3cret";
  Drop drop(After::kDelete);
  fs::create_directory_symlink(elsewhere.path(), drop.path(".leaving-1"));
  drop.reopen();
  auto files = drop.place().list();
  CHECK((files.has_value() && files->empty()));
  CHECK(fs::exists(elsewhere.path() + "/secret.csv"));
}
