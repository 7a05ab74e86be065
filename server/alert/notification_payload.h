// Notifications as the JSON that receivers read.
#pragma once

#include <string>

#include "server/alert/notification_group.h"

namespace freshet {

// Alertmanager's webhook payload, version 4, field by field
// (prometheus.io/docs/alerting/latest/configuration/#webhook_config).
// `resolved_at` ends the alerts that are over.
std::string webhook_payload(const ContactModel& contact,
                            const Notification& notification,
                            const std::string& external_url,
                            Timestamp resolved_at);

// Body of POST /api/v2/alerts of an Alertmanager. What fires is said to end
// four minutes from `now`: it is sent again long before.
std::string alertmanager_payload(const Notification& notification,
                                 const std::string& external_url,
                                 Timestamp now);

}  // namespace freshet
