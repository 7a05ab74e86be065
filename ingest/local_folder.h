// A FilePlace that is a folder of this machine.
#pragma once

#include <memory>
#include <string>

#include "ingest/file_place.h"

namespace freshet {

// The files of `folder` whose names fit `pattern`.
std::unique_ptr<FilePlace> open_local_folder(std::string folder,
                                             std::string pattern,
                                             FilePlaceSettings::After after);

}  // namespace freshet
