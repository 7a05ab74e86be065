// read_config_file: the bytes of a small file that a person or an orchestrator
// put there. What lies under a name may be anything: a pipe would be waited for
// for ever, a device never ends.
#pragma once

#include <string>

#include "segments/result.h"

namespace freshet {

// kInvalid, with a message that follows "the file ": not there, not readable,
// no regular file, larger than `most` bytes. Never blocks on what is no file.
Result<std::string> read_config_file(const std::string& path, size_t most);

}  // namespace freshet
