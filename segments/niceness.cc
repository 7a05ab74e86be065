#include "segments/niceness.h"

#include <sys/resource.h>
#include <unistd.h>

namespace freshet {

void set_niceness(int niceness) {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}

}  // namespace freshet
