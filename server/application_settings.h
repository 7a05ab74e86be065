// Where a server's settings come from.
#pragma once

#include "server/application.h"

namespace freshet {

// The model's settings, under FRESHET_* variables, under the flags. kInvalid:
// a variable is wrong, or a secret that it refers to cannot be read.
Result<Settings> effective_settings(const Model& model,
                                    const ServeOptions& options);

}  // namespace freshet
