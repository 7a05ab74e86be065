// Posts one notification to one contact point over HTTP. The only file of
// server/alert that names curl.
#pragma once

#include <atomic>
#include <string>

#include "segments/result.h"
#include "server/model/model.h"

namespace freshet {

// Posts `body` (JSON) to the contact's URL, to /api/v2/alerts under it for an
// alertmanager; blocks for 10 s at most, less once `stop` is set. Follows no
// redirect, speaks http and https only, uses no proxy, and connects to public
// addresses only unless the contact says allow_private: every address is
// checked as it is connected to, so a name cannot change its mind in between.
//
// kUnavailable: worth trying again (network, 5xx, 429, 408); kForbidden: an
// address that is not allowed; kInvalid: the receiver refused (other
// statuses) or the URL is none.
Status post_notification(const ContactModel& contact, const std::string& body,
                         const std::atomic<bool>& stop);

}  // namespace freshet
