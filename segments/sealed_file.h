// A sealed file with its footer read: what open, verify and dump start from.
#pragma once

#include <memory>
#include <string>

#include "segments/file_format.h"
#include "segments/mapped_file.h"

namespace freshet {

struct SealedBytes {
  std::unique_ptr<MappedFile> file;
  Trailer trailer;
  Footer footer;
};

// Maps the file and checks header, trailer and footer. Reads no more than the
// first and the last pages. Errors name the path.
Result<SealedBytes> open_sealed_bytes(const std::string& path);

// The error with the path in front.
Error in_file(const std::string& path, const Error& error);

}  // namespace freshet
