#include "ingest/positions.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace freshet {
namespace {

// "pos.sales" of "pos.sales/3".
std::string_view topic_of(std::string_view partition) {
  return partition.substr(0, partition.rfind('/'));
}

std::string shrunk(const PartitionName& name, int64_t next, int64_t high) {
  return fmt::format(
      "{} was truncated or recreated: offset {} comes next, but it ends at {}",
      name, next, high);
}

std::string replaced(const PartitionName& name, int64_t offset) {
  return fmt::format(
      "{} was truncated or recreated: the record at offset {} is not the one "
      "that was read",
      name, offset);
}

// Kafka's time of a record is the topic's own: another topic may have the same
// key and value at the same offset. Not all records have one.
bool is_same(const Source::StoredRecord& record, uint64_t hash,
             int64_t time_ms) {
  if (record.hash != hash) return false;
  return time_ms <= 0 || record.time.ms <= 0 || record.time.ms == time_ms;
}

// Records of a partition that wait to be compared.
constexpr size_t kMostUnsure = 16;

Positions::Witness last_of(const OffsetRecord& record) {
  return {record.last_offset, record.last_hash, record.last_time_ms};
}

void set_last(OffsetRecord& record, const RawMessage& message) {
  record.next = message.offset + 1;
  record.last_offset = message.offset;
  record.last_hash = record_hash(message.key, message.value);
  record.last_time_ms = message.time.ms;
}

// By topic and number.
bool comes_before(const PartitionName& left, const PartitionName& right) {
  auto order = [](const PartitionName& name) {
    return std::tuple(topic_of(name), name.size(), std::string_view(name));
  };
  return order(left) < order(right);
}

}  // namespace

Positions::Positions(std::string dataset, const Source& source,
                     std::map<PartitionName, OffsetRecord> committed,
                     const KeptCounts& counts)
    : dataset_(std::move(dataset)),
      committed_(std::move(committed)),
      begin_(counts.begin),
      kept_watermarks_(counts.watermark) {
  for (const auto& [name, record] : committed_) {
    if (!source.is_asked_for(name)) continue;
    Place place;
    place.name = name;
    place.record = record;
    auto begin = begin_.find(name);
    place.begin = begin != begin_.end() ? begin->second : record.next;
    place.watermark = kept_watermark(name);
    places_.push_back(std::move(place));
  }
  std::ranges::sort(places_, comes_before, &Place::name);
}

Timestamp Positions::kept_watermark(const PartitionName& name) const {
  auto kept = kept_watermarks_.find(name);
  return kept == kept_watermarks_.end() ? kMinTimestamp : kept->second;
}

Positions::Place* Positions::find(const PartitionName& name) {
  auto found = std::ranges::find(places_, name, &Place::name);
  return found == places_.end() ? nullptr : &*found;
}

void Positions::stop(Place& place, std::string fault) {
  spdlog::error("dataset {}: partition {} is stopped: {}", dataset_, place.name,
                fault);
  place.fault = std::move(fault);
  place.stopped = now();
  stale_ = true;
}

// Why a partition cannot go on after `record`; empty if it can.
Result<std::string> Positions::continuity(Source& source,
                                          const OffsetRecord& record,
                                          const PartitionBounds& bound) const {
  if (record.next > bound.high) {
    return shrunk(bound.name, record.next, bound.high);
  }
  if (record.last_offset >= bound.low) {
    TRY_ASSIGN(auto last, source.read_one(bound.name, record.last_offset));
    if (last && !is_same(*last, record.last_hash, record.last_time_ms)) {
      return replaced(bound.name, record.last_offset);
    }
  }
  if (record.next < bound.low) {
    return fmt::format(
        "{} has lost what comes next: the stored offset is {}, available is "
        "[{}, {})",
        bound.name, record.next, bound.low, bound.high);
  }
  return std::string();
}

Result<Positions::Place> Positions::check(Source& source,
                                          const PartitionBounds& bound) const {
  Place place;
  place.name = bound.name;
  place.start_high = place.high = bound.high;
  place.low = bound.low;
  place.listed = true;
  place.watermark = kept_watermark(bound.name);
  auto begin = begin_.find(bound.name);
  auto stored = committed_.find(bound.name);
  place.begin = begin != begin_.end() ? begin->second : bound.low;
  if (stored == committed_.end()) {
    place.record.next = bound.low;
    return place;
  }
  place.record = stored->second;
  TRY_ASSIGN(place.fault, continuity(source, place.record, bound));
  return place;
}

// What is known without reading anything. That records before `low` are gone
// is no fault here: some may already be on their way to us; poll() tells.
void Positions::refresh(Place& place, const PartitionBounds& bound) {
  place.low = bound.low;
  place.high = bound.high;
  if (!place.fault.empty()) return;
  // What was read since it was listed is no sign of anything.
  if (bound.high < place.listed_next) {
    stop(place, shrunk(place.name, place.listed_next, bound.high));
  } else {
    place.high = std::max(place.high, place.record.next);
  }
}

void Positions::mark_gone(const std::vector<PartitionBounds>& bounds,
                          const SourceListing& listing) {
  for (Place& place : places_) {
    auto found = std::ranges::find(bounds, place.name, &PartitionBounds::name);
    if (found != bounds.end() || listing.lacks(place.name)) continue;
    place.high = -1;
    if (!place.fault.empty()) continue;
    place.gone = true;
    stop(place, fmt::format("{} does not exist any more", place.name));
  }
}

Status Positions::revive(Source& source, Place& place,
                         const PartitionBounds& bound) {
  TRY_ASSIGN(std::string fault, continuity(source, place.record, bound));
  place.gone = false;
  if (!fault.empty()) {
    stop(place, std::move(fault));
    return {};
  }
  spdlog::info("dataset {}: partition {} is back and goes on at {}", dataset_,
               place.name, place.record.next);
  place.fault.clear();
  stale_ = true;
  return {};
}

Result<bool> Positions::differs(Source& source, const SourceListing& listing,
                                const Place& place,
                                const Witness& witness) const {
  if (witness.offset < 0 || witness.offset < place.low) return false;
  auto read = listing.records.find(std::pair(place.name, witness.offset));
  TRY_ASSIGN(auto now, read != listing.records.end()
                           ? read->second
                           : source.read_one(place.name, witness.offset));
  return now && !is_same(*now, witness.hash, witness.time_ms);
}

void Positions::stop_replaced(Place& place, const Witness& witness) {
  // What is kept must still tell the difference after a restart, though
  // records of the other log may have been read since.
  place.record.last_offset = witness.offset;
  place.record.last_hash = witness.hash;
  place.record.last_time_ms = witness.time_ms;
  moved_ = true;
  stop(place, replaced(place.name, witness.offset));
}

// By topic.
std::map<std::string_view, std::vector<Positions::Place*>>
Positions::comparable() {
  std::map<std::string_view, std::vector<Place*>> topics;
  for (Place& place : places_) {
    if (place.fault.empty() && place.record.last_offset >= 0) {
      topics[topic_of(place.name)].push_back(&place);
    }
  }
  return topics;
}

// A topic that was recreated and already filled beyond our offset looks like
// the old one by its bounds.
Status Positions::compare_witnesses(Source& source,
                                    const SourceListing& listing) {
  size_t turn = compared_++;
  for (auto& [topic, places] : comparable()) {
    Place& chosen = *places[turn % places.size()];
    if (listing.lacks(chosen.name)) continue;
    TRY_ASSIGN(bool other, differs(source, listing, chosen, chosen.witness));
    if (!other) {
      chosen.witness = last_of(chosen.record);
      continue;
    }
    for (Place* place : places) {
      if (listing.lacks(place->name)) continue;
      TRY_ASSIGN(bool faulty, differs(source, SourceListing{{}, {}}, *place,
                                      place->witness));
      if (faulty) {
        stop_replaced(*place, place->witness);
      } else {
        place->witness = last_of(place->record);
      }
    }
  }
  return {};
}

void Positions::doubt(Place& place) {
  Witness last = last_of(place.record);
  bool waits = place.unsure.size() > place.listed_unsure &&
               place.unsure.back().offset == last.offset;
  if (last.offset < 0 || waits) return;
  if (place.unsure.size() == kMostUnsure) place.unsure.pop_back();
  place.unsure.push_back(last);
  place.listed_unsure = std::min(place.listed_unsure, kMostUnsure - 1);
  doubts_ = true;
}

void Positions::disturbed() {
  for (size_t assigned : assigned_) doubt(places_[assigned]);
}

// What came in their place may have been read already.
Status Positions::compare_unsure(Source& source, const SourceListing& listing) {
  for (Place& place : places_) {
    if (listing.lacks(place.name)) continue;
    while (place.fault.empty() && place.listed_unsure > 0) {
      const Witness witness = place.unsure.front();
      TRY_ASSIGN(bool other, differs(source, listing, place, witness));
      if (other) stop_replaced(place, witness);
      place.unsure.erase(place.unsure.begin());
      --place.listed_unsure;
    }
  }
  return {};
}

std::function<SourceListing()> Positions::listing(Source& source) {
  std::set<std::pair<PartitionName, int64_t>> wanted;
  for (Place& place : places_) {
    place.listed_next = place.record.next;
    place.listed_unsure = place.unsure.size();
    if (!place.fault.empty()) continue;
    for (const Witness& one : place.unsure)
      wanted.emplace(place.name, one.offset);
  }
  for (auto& [topic, places] : comparable()) {
    const Place& place = *places[compared_ % places.size()];
    if (place.witness.offset >= 0) {
      wanted.emplace(place.name, place.witness.offset);
    }
  }
  return [&source, wanted] {
    std::vector<UnreadPartition> unread;
    SourceListing listing{source.readable_partitions(unread), {}};
    listing.unread = std::move(unread);
    if (!listing.bounds) return listing;
    Status answered;  // each that is not takes seconds
    for (const auto& record : wanted) {
      if (listing.lacks(record.first)) continue;
      Result<std::optional<Source::StoredRecord>> read =
          answered ? source.read_one(record.first, record.second)
                   : answered.error();
      if (!read) answered = read.error();
      listing.records.emplace(record, std::move(read));
    }
    return listing;
  };
}

Status Positions::update(Source& source, const SourceListing& listing) {
  // Without anything there, those that were read are gone.
  bool none =
      !listing.bounds && listing.bounds.error().code == ErrorCode::kNotFound;
  if (!listing.bounds && (!none || empty())) return listing.bounds.error();
  const std::vector<PartitionBounds> bounds =
      none ? std::vector<PartitionBounds>() : *listing.bounds;
  unread_ = none ? std::vector<UnreadPartition>() : listing.unread;
  mark_gone(bounds, listing);
  for (const PartitionBounds& bound : bounds) {
    Place* known = find(bound.name);
    if (known != nullptr && known->listed) {
      if (known->gone) TRY(revive(source, *known, bound));
      refresh(*known, bound);
      continue;
    }
    TRY_ASSIGN(Place place, check(source, bound));
    if (!place.fault.empty()) stop(place, std::move(place.fault));
    if (known != nullptr) {
      *known = std::move(place);
    } else {
      places_.push_back(std::move(place));
    }
    stale_ = true;
  }
  TRY(compare_unsure(source, listing));
  return compare_witnesses(source, listing);
}

Status Positions::assign(Source& source) {
  std::vector<AssignedPartition> wanted;
  std::vector<size_t> assigned;
  std::vector<PartitionName> names;
  std::vector<Timestamp> watermarks;
  for (size_t i = 0; i < assigned_.size(); ++i) {
    places_[assigned_[i]].watermark = watermarks_[i];
  }
  Timestamp unread = kMaxTimestamp;
  for (size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].fault.empty()) continue;
    if (!places_[i].listed) {
      unread = std::min(unread, places_[i].watermark);
      continue;
    }
    wanted.push_back({places_[i].name, places_[i].record.next});
    assigned.push_back(i);
    names.push_back(places_[i].name);
    watermarks.push_back(places_[i].watermark);
  }
  TRY(source.assign(wanted));
  assigned_ = std::move(assigned);
  names_ = std::move(names);
  watermarks_ = std::move(watermarks);
  unread_watermark_ = unread;
  stale_ = false;
  return {};
}

void Positions::passed(std::span<const RawMessage> messages) {
  // Only the last of each partition is hashed, and of each server.
  std::vector<const RawMessage*> last(assigned_.size(), nullptr);
  for (const RawMessage& message : messages) {
    const RawMessage* before = std::exchange(last[message.partition], &message);
    Place& place = places_[assigned_[message.partition]];
    if (message.server == place.server) continue;
    if (place.server >= 0) {
      if (before != nullptr) set_last(place.record, *before);
      doubt(place);
    }
    place.server = message.server;
  }
  for (size_t i = 0; i < last.size(); ++i) {
    if (last[i] == nullptr) continue;
    set_last(places_[assigned_[i]].record, *last[i]);
    moved_ = true;
  }
}

void Positions::arrived(const MessageBatch& batch) {
  for (size_t i = 0; i < batch.positions.size(); ++i) {
    int64_t& next = places_[assigned_[i]].record.next;
    if (batch.positions[i] <= next) continue;
    next = batch.positions[i];
    moved_ = true;
  }
  for (const PartitionFault& fault : batch.faults) {
    stop(places_[assigned_[fault.partition]], fault.error.message);
  }
}

std::map<PartitionName, OffsetRecord> Positions::taken() {
  moved_ = false;
  std::map<PartitionName, OffsetRecord> records;
  for (const Place& place : places_) {
    // A partition at fault that was never read keeps what is stored.
    bool known = committed_.contains(place.name);
    if (place.fault.empty() || known || place.record.next != place.begin) {
      records[place.name] = place.record;
    }
  }
  return records;
}

const std::vector<Positions::Place>& Positions::places(
    const SourceStatus& status) {
  for (size_t i = 0; i < assigned_.size(); ++i) {
    places_[assigned_[i]].watermark = watermarks_[i];
  }
  for (Place& place : places_) {
    if (!place.fault.empty()) continue;
    auto high = status.high.find(place.name);
    if (high != status.high.end()) place.high = high->second;
  }
  return places_;
}

bool Positions::all_faulty() const {
  return !places_.empty() && std::ranges::none_of(places_, [](const Place& p) {
    return p.fault.empty();
  });
}

std::string Positions::first_fault() const {
  for (const Place& place : places_) {
    if (!place.fault.empty()) return place.fault;
  }
  return {};
}

void Positions::set_begin(KeptCounts& counts) const {
  for (const Place& place : places_) counts.begin[place.name] = place.begin;
}

}  // namespace freshet
