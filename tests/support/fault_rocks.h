// RocksDB's way to the disk through a FaultFileSystem: its operations are
// counted, fail and are forgotten with the store's own.
#pragma once

#include <memory>

#include "tests/support/fault_file_system.h"

namespace freshet {

// `files` outlives it.
std::unique_ptr<rocksdb::Env> fault_rocks_env(FaultFileSystem& files);

}  // namespace freshet
