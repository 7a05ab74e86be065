// Which notifications are due: Alertmanager's grouping and timing. Pure values:
// no clock, no storage, no network.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/alert/alert_board.h"
#include "server/model/model.h"

namespace freshet {

// What a contact point was last told of one group of alerts. Kept over
// restarts, so that none is told twice or forgotten.
struct GroupRecord {
  AlertLabels labels;    // those of group_by
  Timestamp first_seen;  // when the group came up
  std::optional<Timestamp> sent_at;
  std::map<std::string, FiringAlert> sent;  // firing then, by fingerprint
};

struct Notification {
  AlertLabels group_labels;
  std::vector<FiringAlert> firing, resolved;
  std::string reason;  // as Alertmanager's notification_reason
};

// A group's alerts that fire now, by fingerprint.
using GroupAlerts = std::map<std::string, FiringAlert>;

// `alerts` of this contact by the labels it groups by ("alert" stands for
// "alertname", "..." puts each alert alone). A contact of kind alertmanager
// has one group: it groups by itself.
std::map<std::string, std::pair<AlertLabels, GroupAlerts>> group_alerts(
    const ContactModel& contact, const std::vector<FiringAlert>& alerts);

// What is due for a group at `now`, if anything: first after group_wait;
// then, group_interval apart, when alerts came up or (send_resolved) ended;
// then every repeat_interval. An alertmanager is told of changes at once and
// of all that fires every minute, since it forgets what is not repeated.
std::optional<Notification> due(const ContactModel& contact,
                                const GroupRecord& record,
                                const GroupAlerts& firing, Timestamp now);

// The record after `firing` was told; nothing if the group is over.
std::optional<GroupRecord> after_sending(const GroupRecord& record,
                                         const GroupAlerts& firing,
                                         Timestamp now);

// Whether the group is over without a word: never told of and no longer firing,
// or ended for a contact that does not want to hear of it.
bool is_over(const ContactModel& contact, const GroupRecord& record,
             const GroupAlerts& firing);

std::string record_to_json(const GroupRecord& record);
Result<GroupRecord> record_from_json(std::string_view json);

}  // namespace freshet
