#include "segments/row_group.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace freshet {

RowGroupLayout RowGroupLayout::of(const Schema& schema) {
  RowGroupLayout layout;
  for (const ColumnSpec& column : schema.columns) {
    bool is_string = column.type.kind == ColumnKind::kString;
    layout.columns.push_back({layout.bytes, 0});
    layout.bytes += 64 * (is_string ? sizeof(uint32_t) : 8);
  }
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    if (schema.columns[i].type.kind == ColumnKind::kString) continue;
    layout.columns[i].nulls = layout.bytes;
    layout.bytes += sizeof(uint64_t);
  }
  return layout;
}

RowGroup::RowGroup(const RowGroupLayout& layout, uint32_t rows)
    : words_(rows / 64), bytes_(layout.bytes * words_) {
  void* memory = rows < kBlockRows
                     ? std::calloc(1, bytes_)
                     : ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == nullptr || memory == MAP_FAILED) {
    std::fprintf(stderr, "out of memory for %zu bytes of rows\n", bytes_);
    std::abort();
  }
  memory_ = static_cast<char*>(memory);
}

RowGroup::~RowGroup() {
  if (rows() < kBlockRows) {
    std::free(memory_);
  } else {
    ::munmap(memory_, bytes_);
  }
}

void RowGroup::copy(const RowGroupLayout& layout, const RowGroup& from) {
  const std::vector<RowGroupLayout::Slot>& slots = layout.columns;
  for (const RowGroupLayout::Slot& slot : slots) {
    bool is_string = slot.nulls == 0;
    std::memcpy(values<char>(slot), from.values<char>(slot),
                from.rows() * (is_string ? sizeof(uint32_t) : 8));
    if (is_string) continue;
    std::memcpy(null_words(slot), from.null_words(slot),
                from.words_ * sizeof(uint64_t));
  }
}

}  // namespace freshet
