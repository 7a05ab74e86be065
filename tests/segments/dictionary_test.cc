// Dictionaries on disk: text blocks, their bloom filters, both forms and both
// orders; columns that follow from others.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <set>

#include "segments/bloom_filter.h"
#include "segments/dictionary_encoder.h"
#include "segments/file_format.h"
#include "segments/live_dictionary.h"
#include "segments/live_segment.h"
#include "segments/sealed_dictionary.h"
#include "segments/sealed_segment.h"
#include "segments/segment_writer.h"
#include "tests/support/row_model.h"
#include "tests/support/sanitized.h"

namespace freshet {
namespace {

using Texts = std::vector<std::string>;

// Texts of many shapes, empty and not UTF-8 among them; may repeat.
Texts random_texts(uint32_t count, int shape, std::mt19937_64& random) {
  Texts texts;
  for (uint32_t i = 0; i < count; ++i) {
    std::string text;
    if (shape == 0) text = "txn-" + std::to_string(100'000'000 + i);
    if (shape == 1) text = std::to_string(random());
    if (shape == 2) {
      for (uint64_t n = random() % 12; n > 0; --n) {
        text += static_cast<char>(random());
      }
    }
    if (shape == 3) text = std::string(random() % 300, 'a') + "\xc3\xa1";
    if (shape == 4) {
      for (int k = 0; k < 32; ++k) text += "0123456789abcdef"[random() % 16];
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<std::string_view> views(const Texts& texts) {
  return {texts.begin(), texts.end()};
}

TEST_CASE("text blocks come back; cut or changed ones never leave memory") {
  std::mt19937_64 random(41);
  std::set<TextCodec> codecs;
  for (int shape = 0; shape < 5; ++shape) {
    for (uint32_t count : {1u, 2u, 100u, 1024u}) {
      CAPTURE(shape);
      CAPTURE(count);
      Texts texts = random_texts(count, shape, random);
      EncodedText encoded = encode_text(views(texts));
      codecs.insert(encoded.codec);
      auto decoded = decode_text(encoded.codec, encoded.coded_length,
                                 encoded.text_length, count, encoded.bytes);
      REQUIRE(decoded.has_value());
      bool same = true;
      for (uint32_t i = 0; i < count; ++i)
        same &= decoded->value(i) == texts[i];
      CHECK(same);
      for (int round = 0; round < 200; ++round) {
        EncodedText bad = encoded;
        if (round % 4 == 0) {
          bad.bytes.resize(random() % (bad.bytes.size() + 1));
        } else if (!bad.bytes.empty()) {
          bad.bytes[random() % bad.bytes.size()] = static_cast<char>(random());
        }
        if (round % 8 == 1) bad.coded_length = static_cast<uint32_t>(random());
        if (round % 8 == 3) bad.text_length = static_cast<uint32_t>(random());
        if (round % 8 == 5) bad.coded_length += random() % 3;
        auto codec =
            round % 16 == 7 ? static_cast<TextCodec>(random() % 5) : bad.codec;
        auto read = decode_text(codec, bad.coded_length, bad.text_length, count,
                                bad.bytes);
        if (!read) continue;
        REQUIRE(read->offsets.size() == count + 1);
        CHECK(read->value(count - 1).size() <= read->text.size());
      }
    }
  }
  CHECK(codecs.size() == 3);  // each form of compression had its case
}

TEST_CASE("a value cannot repeat more than the one before it has") {
  const std::string right(
      "\x00\x01\x01\x01"
      "ab",
      6);  // "a", "ab"
  auto read = decode_text(TextCodec::kNone, 6, 3, 2, right);
  REQUIRE(read.has_value());
  CHECK(read->value(1) == "ab");
  std::string wrong = right;
  wrong[1] = 2;
  CHECK(!decode_text(TextCodec::kNone, 6, 4, 2, wrong).has_value());
}

TEST_CASE("a bloom filter has all its members and few strangers") {
  std::vector<char> filter(kBloomBytes);
  for (int i = 0; i < 1024; ++i) {
    bloom_add(filter.data(), bloom_hash("in-" + std::to_string(i)));
  }
  bool all = true;
  int strangers = 0;
  for (int i = 0; i < 1024; ++i) {
    all &= bloom_may_have(filter.data(), bloom_hash("in-" + std::to_string(i)));
  }
  for (int i = 0; i < 100'000; ++i) {
    strangers +=
        bloom_may_have(filter.data(), bloom_hash("out-" + std::to_string(i)));
  }
  CHECK(all);
  CHECK(strangers < 1500);
}

// A dictionary in memory, ids in order of arrival.
class Arrived final : public Dictionary {
 public:
  explicit Arrived(Texts values) : values_(std::move(values)) {}
  uint32_t size() const override {
    return static_cast<uint32_t>(values_.size()) + 1;
  }
  std::string_view value(uint32_t id) const override { return values_[id - 1]; }
  std::optional<uint32_t> find(std::string_view value) const override {
    auto at = std::find(values_.begin(), values_.end(), value);
    if (at == values_.end()) return std::nullopt;
    return static_cast<uint32_t>(at - values_.begin()) + 1;
  }
  bool sorted() const override { return false; }

 private:
  Texts values_;
};

std::string check_read(const Dictionary& arrived, const DictionaryOrder& order,
                       const SealedDictionary& sealed) {
  if (sealed.size() != order.size()) return "size";
  if (sealed.sorted() == order.by_appearance) return "order";
  for (uint32_t id = 1; id < order.size(); ++id) {
    std::string_view value = arrived.value(order.ids[id - 1]);
    if (sealed.value(id) != value) return "value " + std::to_string(id);
    if (id % 7 == 0 && sealed.find(value) != id) return "find";
    std::string other = std::string(value) + "\x01?";
    if (id % 97 == 0 && sealed.find(other)) return "found a stranger";
  }
  if (sealed.find("~~ none ~~")) return "found what is not there";
  return sealed.sorted() && !sealed.is_ascending() ? "not ascending" : "";
}

TEST_CASE("dictionaries of every size, form and order are read back") {
  std::mt19937_64 random(43);
  int flat = 0, blocks = 0;
  for (int shape = 0; shape < 5; ++shape) {
    for (uint32_t count : {0u, 1u, 1023u, 1024u, 1025u, 9000u}) {
      CAPTURE(shape);
      CAPTURE(count);
      Texts texts = random_texts(count, shape, random);
      std::sort(texts.begin(), texts.end());
      texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
      std::shuffle(texts.begin(), texts.end(), random);
      Arrived arrived(texts);
      std::vector<uint32_t> rows(texts.size());
      for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = i + 1;
      for (bool sorted : {false, true}) {
        CAPTURE(sorted);
        DictionaryOrder order =
            sorted ? DictionaryOrder::of(arrived, {})
                   : DictionaryOrder::of_rows(rows, {}, arrived.size());
        std::string encoded = *encode_dictionary(arrived, order);
        std::vector<uint64_t> aligned(encoded.size() / 8 + 1);
        std::memcpy(aligned.data(), encoded.data(), encoded.size());
        std::string_view bytes(reinterpret_cast<char*>(aligned.data()),
                               encoded.size());
        auto sealed = SealedDictionary::open(bytes, order.size());
        REQUIRE(sealed.has_value());
        CHECK(check_read(arrived, order, *sealed) == "");
        (sealed->in_blocks() ? blocks : flat) += 1;
        if (!sorted) CHECK(sealed->in_blocks());
        uint64_t plain = 4 * uint64_t{order.size()};
        for (const std::string& text : texts) plain += text.size();
        if (sorted) CHECK(bytes.size() <= plain + 8);
        // Cut anywhere, it is refused.
        for (int round = 0; round < 40 && !bytes.empty(); ++round) {
          auto cut = bytes.substr(0, random() % bytes.size());
          CHECK(!SealedDictionary::open(cut, order.size()).has_value());
        }
      }
    }
  }
  CHECK(flat > 5);
  CHECK(blocks > 20);
}

// Of these the number of blocks went round to 0, and none was checked.
TEST_CASE("a dictionary of more values than it can have is refused") {
  DictionaryHeader header;
  header.form = kBlockDictionary;
  std::string bytes(sizeof header + 100, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  for (uint32_t size = 0xffffffff; size > 0xffffff00; size -= 5) {
    CHECK(!SealedDictionary::open(bytes, size).has_value());
  }
}

TEST_CASE("large sorted dictionaries shrink by what neighbours share") {
  std::mt19937_64 random(47);
  Arrived arrived(random_texts(20'000, 0, random));
  DictionaryOrder order = DictionaryOrder::of(arrived, {});
  CHECK(encode_dictionary(arrived, order)->size() < 20'000 * 3);
}

TEST_CASE("changed bytes of a dictionary are refused or read inside") {
  std::mt19937_64 random(53);
  for (int shape : {0, 2, 4}) {
    Texts texts = random_texts(3000, shape, random);
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    Arrived arrived(texts);
    std::vector<uint32_t> rows(texts.size());
    for (uint32_t i = 0; i < rows.size(); ++i) rows[i] = i + 1;
    auto order = DictionaryOrder::of_rows(rows, {}, arrived.size());
    std::string right = *encode_dictionary(arrived, order);
    for (int round = 0; round < 300; ++round) {
      std::vector<uint64_t> aligned(right.size() / 8 + 1);
      char* bytes = reinterpret_cast<char*>(aligned.data());
      std::memcpy(bytes, right.data(), right.size());
      size_t most = round % 2 ? right.size() : 96;  // header and directory
      bytes[random() % most] = static_cast<char>(random());
      uint32_t size =
          round % 5 ? order.size() : static_cast<uint32_t>(random() % 5000);
      auto sealed = SealedDictionary::open({bytes, right.size()}, size);
      if (!sealed) {
        CHECK(sealed.error().code == ErrorCode::kCorrupt);
        continue;
      }
      uint64_t length = 0;
      for (uint32_t id = 1; id < size; ++id) length += sealed->value(id).size();
      CHECK(length <= uint64_t{kTextBlockBytes} * 4);
      sealed->find("strange");
    }
  }
}

std::shared_ptr<const Schema> place_schema() {
  Schema schema;
  for (const char* name : {"__time", "nation", "city", "region", "free"}) {
    ColumnKind kind =
        schema.columns.empty() ? ColumnKind::kTimestamp : ColumnKind::kString;
    schema.columns.push_back({name, {kind, 0}, false});
  }
  return std::make_shared<const Schema>(std::move(schema));
}

// Rows where the city decides nation and region, some of them null.
std::vector<Row> place_rows(uint32_t count, std::mt19937_64& random) {
  std::vector<Row> rows(count, Row(5));
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t city = random() % 61;
    rows[i][0] = int64_t{1'795'000'000'000} + i;
    if (city != 7) rows[i][2] = "city " + std::to_string(city);
    if (city % 11 != 3) rows[i][1] = "nation " + std::to_string(city % 11);
    rows[i][3] = "region " + std::to_string(city % 3);
    rows[i][4] = "free " + std::to_string(random() % 20);
  }
  return rows;
}

TEST_CASE("a live dictionary has all its values while it grows") {
  LiveDictionary dictionary;
  std::mt19937_64 random(61);
  std::vector<std::string> values;  // by id - 1
  auto text = [](uint64_t i) {
    return (i % 3 == 0 ? "a longer value, number " : "v") + std::to_string(i);
  };
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < 60'000; ++i) {
    values.push_back(text(i));
    const auto id = static_cast<uint32_t>(values.size());
    REQUIRE(dictionary.add(values.back()) == id);
    REQUIRE(dictionary.find(values.back(), id + 1) == id);
    REQUIRE_FALSE(dictionary.find(values.back(), id).has_value());
    REQUIRE_FALSE(dictionary.find(text(i + 1), UINT32_MAX).has_value());
    const auto known = static_cast<uint32_t>(random() % values.size());
    REQUIRE(dictionary.add(values[known]) == known + 1);
    REQUIRE(dictionary.find(values[known], UINT32_MAX) == known + 1);
    REQUIRE(dictionary.bytes() >= bytes);
    bytes = dictionary.bytes();
  }
  CHECK(dictionary.size() == 60'001);
  for (uint32_t id = 1; id < dictionary.size(); ++id) {
    REQUIRE(dictionary.value(id) == values[id - 1]);
    REQUIRE(dictionary.find(values[id - 1], UINT32_MAX) == id);
  }
}

// Pages that the system has given to this thread.
long pages_given() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

TEST_CASE("a live dictionary takes its memory little by little") {
  constexpr int kValues = 600'000, kRun = 1000;
  LiveDictionary dictionary;
  long most = 0;
  for (int begin = 0; begin < kValues; begin += kRun) {
    const long before = pages_given();
    for (int i = begin; i < begin + kRun; ++i) {
      dictionary.add("v" + std::to_string(i));
    }
    if (begin > 0) most = std::max(most, pages_given() - before);
  }
  // A sanitizer's own pages count, too.
  if (!kSanitized) CHECK(most < 500);  // at random it would be 1500
}

TEST_CASE("columns that follow from another have no ids of their own") {
  TemporaryFolder folder;
  std::mt19937_64 random(59);
  std::vector<Row> rows = place_rows(10'000, random);
  for (bool broken : {false, true}) {
    CAPTURE(broken);
    if (broken) rows[9999][1] = "elsewhere";
    auto live = LiveSegment::create("live_1", place_schema(), Interval{});
    ColumnBatch batch(live->schema());
    for (const Row& row : rows) append_row(batch, row);
    live->append(batch);
    std::string path = folder.path() + "/a.seg";
    SealOptions options;
    REQUIRE(
        write_segment(real_file_system(), *live->snapshot(), "x", path, options)
            .has_value());
    auto sealed = *open_segment(path);
    CHECK(read_rows(*sealed) == rows);
    CHECK(check_consistency(*sealed, random) == "");
    std::string dump = *dump_segment(path, 0);
    size_t derived = 0;
    for (size_t at = dump.find("derived from column 2"); at != dump.npos;
         at = dump.find("derived from column 2", at + 1)) {
      ++derived;
    }
    CHECK(derived == (broken ? 1 : 2));
    for (const char* name : {"nation", "city", "region"}) {
      const bool follows = name[0] == 'r' || (name[0] == 'n' && !broken);
      CHECK((*sealed->column(name))->derived().has_value() == follows);
    }
    // Written again from the file, with other ids on the way in.
    options.sort_by = {"free"};
    REQUIRE(write_segment(real_file_system(), *sealed, "y",
                          folder.path() + "/b.seg", options)
                .has_value());
    auto again = *open_segment(folder.path() + "/b.seg");
    CHECK(check_consistency(*again, random) == "");
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
      return std::tie(a[4], a[0]) < std::tie(b[4], b[0]);
    });
    CHECK(read_rows(*again) == rows);
    std::stable_sort(rows.begin(), rows.end());
  }
}

TEST_CASE("bitmaps are kept for rare values and for rows that lie together") {
  TemporaryFolder folder;
  constexpr uint32_t kRows = 50'000;
  auto live = LiveSegment::create("live_1", place_schema(), Interval{});
  ColumnBatch batch(live->schema());
  for (uint32_t i = 0; i < kRows; ++i) {
    Row row(5);
    row[0] = int64_t{1'795'000'000'000} + i;
    row[1] = std::string(i % 1000 == 5 ? "rare" : i % 2 ? "odd" : "even");
    row[2] = std::string(i < kRows / 2 ? "first half" : "second half");
    append_row(batch, row);
  }
  live->append(batch);
  std::string path = folder.path() + "/a.seg";
  REQUIRE(write_segment(real_file_system(), *live->snapshot(), "x", path, {})
              .has_value());
  auto sealed = *open_segment(path);
  auto cardinality = [&](const char* name, const char* value) {
    const Column* column = *sealed->column(name);
    const Bitmap* rows = column->rows_of(*column->dictionary()->find(value));
    return rows == nullptr ? 0 : rows->cardinality();
  };
  CHECK(cardinality("nation", "rare") == kRows / 1000);
  CHECK(cardinality("nation", "odd") == 0);
  CHECK(cardinality("nation", "even") == 0);
  CHECK(cardinality("city", "first half") == kRows / 2);
}

// A footer that says what no writer says, with good checksums.
TEST_CASE("a derivation that cannot be is refused") {
  Footer footer;
  footer.id = "x";
  footer.num_rows = 1;
  ColumnFooter base, derived;
  base.spec.name = "base";
  base.encoding = Encoding::kIds;
  base.dictionary_size = 3;
  base.block_table = {64, 48, 0};
  derived = base;
  derived.spec.name = "derived";
  derived.encoding = Encoding::kDerivedIds;
  derived.derivation = {128, 12, 0};
  auto decoded = [&](uint32_t at, uint64_t length, bool chain) {
    Footer wrong = footer;
    wrong.columns = {base, derived};
    if (chain) wrong.columns[0] = derived;
    wrong.columns[1].base = at;
    wrong.columns[1].derivation.length = length;
    std::string bytes = encode_footer_body(wrong) + std::string(8, '\0');
    Trailer trailer;
    trailer.footer_offset = 4096;
    trailer.footer_length = static_cast<uint32_t>(bytes.size());
    trailer.footer_checksum = checksum_of(bytes);
    return decode_footer(bytes, trailer).has_value();
  };
  CHECK(decoded(0, 12, false));
  CHECK(!decoded(1, 12, false));  // itself
  CHECK(!decoded(2, 12, false));  // no such column
  CHECK(!decoded(0, 8, false));   // too short a table
  CHECK(!decoded(0, 12, true));   // from a derived one
}

}  // namespace
}  // namespace freshet
