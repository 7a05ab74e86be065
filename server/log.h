// Logging of the whole process: JSON lines on stderr, or text for people.
#pragma once

#include <string_view>

namespace freshet {

// Sets the process's default logger. Called once, before any thread starts.
void set_up_logging(bool text);

}  // namespace freshet
