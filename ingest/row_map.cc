#include "ingest/row_map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace freshet {
namespace {

class RowsInMemory final : public RowMap {
 public:
  explicit RowsInMemory(std::span<const uint32_t> rows)
      : rows_(rows.begin(), rows.end()) {}
  std::span<const uint32_t> rows() const override { return rows_; }

 private:
  const std::vector<uint32_t> rows_;
};

class MappedRows final : public RowMap {
 public:
  explicit MappedRows(std::span<const uint32_t> rows) : rows_(rows) {}
  ~MappedRows() override {
    ::munmap(const_cast<uint32_t*>(rows_.data()), rows_.size_bytes());
  }
  std::span<const uint32_t> rows() const override { return rows_; }

 private:
  const std::span<const uint32_t> rows_;
};

// Written before it is mapped: a full disk is met here, not at a read.
bool write_all(int file, std::span<const uint32_t> rows) {
  const char* at = reinterpret_cast<const char*>(rows.data());
  for (size_t left = rows.size_bytes(); left > 0;) {
    ssize_t written = ::write(file, at, left);
    if (written <= 0) return false;
    at += written;
    left -= static_cast<size_t>(written);
  }
  return true;
}

std::unique_ptr<RowMap> map_file(std::span<const uint32_t> rows,
                                 const std::string& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return nullptr;
  std::unique_ptr<RowMap> map;
  if (write_all(file, rows)) {
    void* mapped =
        ::mmap(nullptr, rows.size_bytes(), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) {
      map = std::make_unique<MappedRows>(std::span<const uint32_t>(
          static_cast<const uint32_t*>(mapped), rows.size()));
    }
  }
  ::close(file);
  return map;
}

}  // namespace

std::unique_ptr<RowMap> RowMap::create(std::span<const uint32_t> rows,
                                       const std::string& folder) {
  if (!folder.empty() && !rows.empty()) {
    if (auto map = map_file(rows, folder)) return map;
  }
  return std::make_unique<RowsInMemory>(rows);
}

}  // namespace freshet
