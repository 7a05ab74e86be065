// Priority of threads that work in the background.
#pragma once

namespace freshet {

// Lets the calling thread yield to the others while the processors are busy:
// Linux has the nice value by thread. 0 is usual, 19 yields most. What the
// system refuses is left as it is.
void set_niceness(int niceness);

}  // namespace freshet
