// The cubes of a mapped segment file.
#pragma once

#include <string>
#include <vector>

#include "segments/cube.h"
#include "segments/file_format.h"
#include "segments/mapped_file.h"
#include "segments/verified_file.h"

namespace freshet {

// Their tables verify a column on its first use, as sealed segments do.
// `file`, whose footer this is, outlives the result. kCorrupt for a zone that
// is not known.
Result<std::vector<Cube>> open_cubes(VerifiedFile& file, const Footer& footer);

// Verifies every block of one cube.
Status verify_cube(const MappedFile& file, const CubeFooter& cube);

}  // namespace freshet
