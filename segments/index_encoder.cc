#include "segments/index_encoder.h"

#include <string>
#include <vector>

#include "segments/bitmap.h"

namespace freshet {
namespace {

// Rows of each id, ascending: those of id k are at [starts[k], starts[k+1]).
struct RowsById {
  std::vector<uint32_t> starts, rows;
  std::span<const uint32_t> of(uint32_t id) const {
    return std::span(rows).subspan(starts[id], starts[id + 1] - starts[id]);
  }
};

RowsById group_rows(std::span<const uint32_t> ids,
                    std::span<const uint32_t> order, uint32_t size) {
  RowsById by_id;
  by_id.starts.resize(size + 1);
  by_id.rows.resize(ids.size());
  for (uint32_t id : ids) ++by_id.starts[id + 1];
  for (uint32_t id = 0; id < size; ++id) {
    by_id.starts[id + 1] += by_id.starts[id];
  }
  std::vector<uint32_t> next(by_id.starts.begin(), by_id.starts.end() - 1);
  for (uint32_t i = 0; i < ids.size(); ++i) {
    by_id.rows[next[ids[order.empty() ? i : order[i]]]++] = i;
  }
  return by_id;
}

Bitmap bitmap_of(std::span<const uint32_t> rows) {
  if (rows.empty()) return Bitmap();
  if (rows.back() - rows.front() + 1 == rows.size()) {
    return Bitmap::of_range(rows.front(), rows.back() + 1);
  }
  Bitmap bitmap = Bitmap::of_sorted(rows);
  bitmap.optimize();
  return bitmap;
}

// FORMAT.md, "Index": what a bitmap may weigh. Above it, the value is so
// frequent that nearly every block has it, and a scan of the ids costs as
// little as the walk along the bitmap.
size_t greatest_bitmap(size_t num_rows) { return num_rows / 256 + 64; }

}  // namespace

Status encode_index(std::span<const uint32_t> ids,
                    std::span<const uint32_t> order, uint32_t dictionary_size,
                    SegmentFile& file, ColumnFooter& footer) {
  RowsById by_id = group_rows(ids, order, dictionary_size);
  std::string bitmaps;
  std::vector<uint32_t> directory;
  directory.reserve(size_t{dictionary_size} * 2);
  for (uint32_t id = 0; id < dictionary_size; ++id) {
    Bitmap bitmap = bitmap_of(by_id.of(id));
    size_t size = bitmap.frozen_size();
    if (size > greatest_bitmap(ids.size())) {
      directory.insert(directory.end(), {0, 0});
      continue;
    }
    size_t at = (bitmaps.size() + kBitmapAlignment - 1) / kBitmapAlignment;
    bitmaps.resize(at * kBitmapAlignment + size);
    bitmap.write_frozen(bitmaps.data() + at * kBitmapAlignment);
    directory.push_back(static_cast<uint32_t>(at));
    directory.push_back(static_cast<uint32_t>(size));
  }
  if (bitmaps.empty()) return {};
  TRY_ASSIGN(footer.index, file.append_extent(bitmaps));
  TRY_ASSIGN(footer.index_directory,
             file.append_extent({reinterpret_cast<char*>(directory.data()),
                                 directory.size() * sizeof(uint32_t)}));
  return {};
}

}  // namespace freshet
