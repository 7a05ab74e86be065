#include "segments/row_group.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace freshet {

RowGroupLayout RowGroupLayout::of(const Schema& schema) {
  RowGroupLayout layout;
  for (const ColumnSpec& column : schema.columns) {
    bool is_string = column.type.kind == ColumnKind::kString;
    layout.columns.push_back({layout.bytes, 0});
    layout.bytes += kBlockRows * (is_string ? sizeof(uint32_t) : 8);
  }
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    if (schema.columns[i].type.kind == ColumnKind::kString) continue;
    layout.columns[i].nulls = layout.bytes;
    layout.bytes += kBlockWords * sizeof(uint64_t);
  }
  return layout;
}

RowGroup::RowGroup(const RowGroupLayout& layout) : bytes_(layout.bytes) {
  void* memory = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "out of memory for %zu bytes of rows\n", bytes_);
    std::abort();
  }
  memory_ = static_cast<char*>(memory);
}

RowGroup::~RowGroup() { ::munmap(memory_, bytes_); }

}  // namespace freshet
