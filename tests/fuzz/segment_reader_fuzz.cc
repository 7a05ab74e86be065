// Hostile segment files: whatever the bytes, opening and reading ends in values
// or in an error.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "segments/sealed_segment.h"

namespace {

using namespace freshet;  // NOLINT: a test program

// A file in memory that MappedFile opens by name.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size)
      : descriptor_(memfd_create("segment", MFD_CLOEXEC)) {
    if (descriptor_ < 0 ||
        write(descriptor_, data, size) != static_cast<ssize_t>(size)) {
      std::abort();
    }
  }
  ~MemoryFile() { close(descriptor_); }
  std::string path() const {
    return "/proc/self/fd/" + std::to_string(descriptor_);
  }

 private:
  int descriptor_;
};

void read_column(const Segment& segment, const Column& column) {
  std::vector<int64_t> longs(kBlockRows);
  std::vector<double> doubles(kBlockRows);
  std::vector<uint32_t> ids(kBlockRows);
  std::vector<uint64_t> nulls(kBlockRows / 64);
  ColumnKind kind = column.type().kind;
  const Dictionary* dictionary = column.dictionary();
  for (uint32_t block = 0; block < segment.num_blocks(); ++block) {
    uint32_t rows = segment.block_rows(block);
    std::vector<uint16_t> chosen;
    for (uint32_t row = 0; row < rows; row += 7) {
      chosen.push_back(static_cast<uint16_t>(row));
    }
    if (kind == ColumnKind::kString) {
      column.read_ids(block, ids.data());
      for (uint32_t row = 0; row < rows; ++row) {
        if (ids[row] >= dictionary->size()) std::abort();
      }
      column.gather_ids(block, chosen, ids.data());
    } else if (kind == ColumnKind::kDouble) {
      column.read_doubles(block, doubles.data());
      column.gather_doubles(block, chosen, doubles.data());
    } else {
      column.read_longs(block, longs.data());
      column.gather_longs(block, chosen, longs.data());
    }
    column.read_nulls(block, nulls.data());
    column.zone_map(block);
  }
}

volatile int touched = 0;  // so that every byte is read

void read_dictionary(const Segment& segment, const Column& column) {
  const Dictionary* dictionary = column.dictionary();
  if (dictionary == nullptr) return;
  for (uint32_t id = 1; id < dictionary->size(); ++id) {
    std::string_view value = dictionary->value(id);
    touched = touched + std::accumulate(value.begin(), value.end(), 0);
    if (id % 16 == 1) dictionary->find(value);
  }
  for (uint32_t id = 0; id < dictionary->size(); ++id) {
    const Bitmap* rows = column.rows_of(id);
    if (rows == nullptr) continue;
    rows->cardinality();
    std::vector<uint16_t> found;
    rows->rows_in(0, kBlockRows, found);
    std::optional<uint32_t> last = rows->maximum();
    if (last && *last >= segment.num_rows()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  MemoryFile file(data, size);
  auto opened = open_segment(file.path());
  (void)verify_segment(file.path());
  (void)dump_segment(file.path(), 3);
  if (!opened) return 0;
  const Segment& segment = **opened;
  for (const ColumnSpec& spec : segment.schema().columns) {
    auto column = segment.column(spec.name);
    if (!column || *column == nullptr) continue;
    read_column(segment, **column);
    read_dictionary(segment, **column);
  }
  return 0;
}
