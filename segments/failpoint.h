// failpoint: a named place where a test ends the process as a power cut would.
//
// FRESHET_FAILPOINT=NAME or NAME:N in the environment kills the process with
// SIGKILL when the place is passed for the N-th time (the first without N).
// Without the variable a place costs one load. Any thread.
#pragma once

namespace freshet {

void failpoint(const char* name);

}  // namespace freshet
