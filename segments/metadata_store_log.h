// RocksDB's information log, switched off. RocksDB would keep it in a file of
// its own and assert when the disk is full; every error reaches us as a status.
// For the two files that open a RocksDB.
#pragma once

#include <rocksdb/env.h>

#include <cstdarg>

namespace freshet {

class QuietRocksLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace freshet
