// The FilePlaces behind ftp://, ftps://, sftp:// and s3://. Files are fetched
// whole into a scratch folder. Nothing tells when a file is complete: two equal
// listings do (file_ingestion).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/file_place.h"

namespace freshet {

// kInvalid for a path of another kind.
Result<std::unique_ptr<FilePlace>> open_remote_place(FilePlaceSettings settings,
                                                     std::string scratch);

// The files of an answer to MLSD (RFC 3659); kInvalid if it is none.
Result<std::vector<PlacedFile>> read_mlsd(std::string_view answer);
// Of a long listing as SFTP and most FTP servers give it. Its times have no
// seconds or no year, so they are the version as they are written.
std::vector<PlacedFile> read_long_list(std::string_view answer);
// Of an answer to ListObjectsV2, without `prefix` in their names; `next` is the
// token of the next page or empty.
Result<std::vector<PlacedFile>> read_s3_list(std::string_view answer,
                                             std::string_view prefix,
                                             std::string& next);

}  // namespace freshet
