#include "segments/checkpoint_files.h"

#include <fmt/format.h>

#include "segments/disk_room.h"

namespace freshet {

Status CheckpointFiles::take(const std::string& from, const std::string& name) {
  std::string to = folder_ + "/" + name;
  Status linked = files_.link(from, to);
  if (linked) return {};
  auto file = MappedFile::open(from);
  if (!file) return linked.error();
  open_.push_back({std::move(*file), std::move(to)});
  return {};
}

Status CheckpointFiles::copy_rest() {
  uint64_t bytes = 0;
  for (const Open& open : open_) bytes += open.file->size();
  if (auto shortage = disk_shortage(folder_, bytes); bytes > 0 && shortage) {
    return Error{
        ErrorCode::kIo,
        fmt::format("segments on another disk than the data folder are copied "
                    "for a checkpoint; put both on one disk, or make room: {}",
                    *shortage)};
  }
  for (Open& open : open_) {
    TRY(copy(open));
    open.file.reset();
  }
  open_.clear();
  return {};
}

// Not synced: a checkpoint need not outlive the machine.
Status CheckpointFiles::copy(const Open& open) {
  TRY_ASSIGN(auto file, files_.create(open.to));
  TRY(append_all(*file, open.file->bytes()));
  TRY(file->close());
  return open.file->status();
}

}  // namespace freshet
