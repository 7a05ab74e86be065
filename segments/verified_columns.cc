#include "segments/verified_columns.h"

#include <utility>

#include "segments/sealed_file.h"

namespace freshet {

VerifiedColumns::VerifiedColumns(VerifiedFile& file, std::string place,
                                 size_t count, Open open)
    : file_(file),
      place_(std::move(place)),
      open_(std::move(open)),
      sound_(count) {}

Result<const Column*> VerifiedColumns::verified(size_t position) {
  MutexLock lock(file_.mutex());
  if (entries_.empty()) {
    entries_.resize(sound_.size());
    file_.add(this);
  }
  Entry& entry = entries_[position];
  if (entry.fault) {
    file_.look_if_due();
  } else if (!entry.column) {
    verify(position);
  }
  if (entry.fault) return *entry.fault;
  return entry.column.get();
}

// Opens the column, or looks at it again.
void VerifiedColumns::verify(size_t position) {
  Entry& entry = entries_[position];
  Status status;
  if (entry.column) {
    status = entry.column->verify_again();
  } else if (auto column = open_(position)) {
    entry.column = std::move(*column);
  } else {
    status = column.error();
  }
  if (status) {
    entry.fault.reset();
    sound_[position].store(entry.column.get(), std::memory_order_release);
    return;
  }
  sound_[position].store(nullptr, std::memory_order_release);
  // A better word for what fails its checksum because it cannot be read.
  Status readable = file_.file().status();
  entry.fault = readable ? in_file(place_, status.error()) : readable.error();
  file_.note_fault();
}

VerifiedPart::Found VerifiedColumns::look_again() {
  Found found;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (!entry.column && !entry.fault) continue;  // nobody asked for it
    bool believed = !entry.fault;
    verify(i);
    if (!entry.fault) continue;
    found.worse |= believed;
    if (!found.fault) found.fault = entry.fault;
  }
  return found;
}

}  // namespace freshet
