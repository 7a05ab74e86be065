// Backups of a data folder: one folder of contents by hash, and a list of
// files for each backup, so that what did not change is kept once.
//
//   BACKUP/objects/ab/abcdef...     a file's bytes, by XXH3-128 in hex
//   BACKUP/<id>.backup              text: a line "freshet-backup 1", then
//                                   "file HASH BYTES CONTENT PATH" by line
//                                   (CONTENT: a segment's content hash, or -),
//                                   then "end N CHECKSUM" over all before it
//
// The source is a folder at rest: SegmentStore::checkpoint, not a folder that
// is being written. Everything is synced before a list names it. One writer at
// a time. Errors: kCorrupt for a damaged backup or source, kNotFound, kIo; the
// message names the file.
#pragma once

#include <cstdint>
#include <string>

#include "segments/file_system.h"
#include "segments/result.h"

namespace freshet {

struct BackupStats {
  std::string id;  // "20261122T201500Z", the newest looked at
  uint64_t backups = 0;
  uint64_t files = 0, bytes = 0;
  uint64_t new_files = 0, new_bytes = 0;  // copied, not kept before
};

// Adds a backup of `source`. A segment whose content hash an earlier backup
// has is not read again; a new one is verified as it is taken.
Result<BackupStats> create_backup(const std::string& source,
                                  const std::string& backup,
                                  FileSystem& files = real_file_system());

// Reads every byte of one backup, or of all with an empty id.
Result<BackupStats> verify_backup(const std::string& backup,
                                  const std::string& id);

// Makes `folder`, which must be absent or empty, what was backed up; the newest
// backup with an empty id. On error the folder is as it was.
Result<BackupStats> restore_backup(const std::string& backup,
                                   const std::string& id,
                                   const std::string& folder,
                                   FileSystem& files = real_file_system());

}  // namespace freshet
