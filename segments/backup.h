// Backups of a data folder: one folder of contents by hash, and a list of
// files for each backup, so that what did not change is kept once.
//
//   BACKUP/objects/ab/abcdef...     a file's bytes, by XXH3-128 in hex
//   BACKUP/<id>.backup              text: a line "freshet-backup 1", then
//                                   "file HASH BYTES CONTENT PATH" by line
//                                   (CONTENT: a segment's content hash, or -;
//                                   PATH: below the data folder), then
//                                   "end N CHECKSUM" over all before it
//   BACKUP/lock                     held by the one who adds a backup
//
// The source is a folder at rest: SegmentStore::checkpoint, not a folder that
// is being written. Everything is synced before a list names it. Errors:
// kCorrupt for a damaged backup or source, kNotFound, kConflict while another
// backup is written there, kIo; the message names the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "segments/file_system.h"
#include "segments/result.h"

namespace freshet {

struct BackupStats {
  std::string id;  // "20261122T201500Z", the newest looked at
  uint64_t backups = 0;
  uint64_t files = 0, bytes = 0;
  uint64_t new_files = 0, new_bytes = 0;  // copied, not kept before
  // Damage that was met in earlier backups: lists that cannot be read, objects
  // that were written anew.
  std::vector<std::string> warnings;
};

// Adds a backup of `source`. A segment whose content hash an earlier backup
// has is not read again, but its bytes there are: whatever the new list names
// was found whole, or is written anew. So each backup reads its own size from
// the backup folder. A new segment is verified as it is taken.
Result<BackupStats> create_backup(const std::string& source,
                                  const std::string& backup,
                                  FileSystem& files = real_file_system());

// Reads every byte of one backup, or of all with an empty id.
Result<BackupStats> verify_backup(const std::string& backup,
                                  const std::string& id);

// Makes `folder`, which must be absent or empty, what was backed up; the newest
// backup with an empty id. An empty one may be a mount point, a link to a
// folder or "."; the disk's lost+found does not count. On error the folder is
// as it was. What a restore leaves that was killed goes with the next one; only
// an empty folder that it was about to fill has to be emptied by hand, and that
// is said.
Result<BackupStats> restore_backup(const std::string& backup,
                                   const std::string& id,
                                   const std::string& folder,
                                   FileSystem& files = real_file_system());

}  // namespace freshet
