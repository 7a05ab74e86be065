// Whether a disk has room for a write to one of the stores in RocksDB. They
// ask before each write: RocksDB, as Debian builds it, ends the process once
// its write-ahead log has met a full disk. A part of the disk stays free for
// its files in the background.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace freshet {

// What is short, in words that name folder and bytes; nothing if `bytes` more
// fit. A folder whose disk cannot be asked is taken to have room.
std::optional<std::string> disk_shortage(const std::string& folder,
                                         uint64_t bytes);

}  // namespace freshet
