// Notifier: tells contact points of firing alerts, and remembers what it told
// them under "alert/notified/<contact>/<group>" of the metadata.
//
// Used by one thread (the engine's notification thread), which may block in
// `deliver`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "segments/metadata_store.h"
#include "server/alert/notification_group.h"

namespace freshet {

class Notifier {
 public:
  // As post_notification.
  using Deliver =
      std::function<Status(const ContactModel&, const std::string& body)>;

  // As AlertBoard::ended: what is now of an alert that was told.
  using Ended = std::function<FiringAlert(const FiringAlert& told)>;

  // Reads what was told before. `metadata` must outlive it. Without `ended`
  // contacts hear again what they were told first.
  Notifier(MetadataStore& metadata, Deliver deliver, Ended ended = {});

  // Sends what is due at `now`. A failed attempt is made again after 1, 2, 4,
  // ... 60 s with what fires then; what the receiver refuses is not.
  void step(const std::vector<FiringAlert>& firing, const Model& model,
            Timestamp now);

 private:
  struct Group {
    GroupRecord record;
    int failures = 0;
    Timestamp retry_at = kMinTimestamp;
  };
  using Key = std::pair<std::string, std::string>;  // contact, group

  void read();
  void step_contact(const ContactModel& contact,
                    const std::vector<FiringAlert>& firing,
                    const std::string& external_url, Timestamp now);
  void step_group(const ContactModel& contact, const Key& key, Group& group,
                  const GroupAlerts& firing, const std::string& external_url,
                  Timestamp now);
  void keep(const Key& key, const GroupRecord& record);
  void forget(const Key& key);

  MetadataStore& metadata_;
  const Deliver deliver_;
  const Ended ended_;
  std::map<Key, Group> groups_;
};

}  // namespace freshet
