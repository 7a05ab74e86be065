#include "ingest/positions.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace freshet {

Positions::Positions(std::map<PartitionName, OffsetRecord> committed,
                     const KeptCounts& counts)
    : committed_(std::move(committed)),
      begin_(counts.begin),
      kept_watermarks_(counts.watermark) {}

Positions::Place* Positions::find(const PartitionName& name) {
  auto found = std::ranges::find(places_, name, &Place::name);
  return found == places_.end() ? nullptr : &*found;
}

Result<Positions::Place> Positions::check(Source& source,
                                          const PartitionBounds& bound) {
  Place place;
  place.name = bound.name;
  place.start_high = place.high = bound.high;
  if (auto kept = kept_watermarks_.find(bound.name);
      kept != kept_watermarks_.end()) {
    place.watermark = kept->second;
  }
  auto begin = begin_.find(bound.name);
  auto stored = committed_.find(bound.name);
  place.begin = begin != begin_.end() ? begin->second : bound.low;
  if (stored == committed_.end()) {
    place.record.next = bound.low;
    return place;
  }
  place.record = stored->second;
  int64_t next = place.record.next;
  if (next > bound.high) {
    place.fault = fmt::format(
        "{} was truncated or recreated: offset {} comes next, but it ends at "
        "{}",
        bound.name, next, bound.high);
    return place;
  }
  if (place.record.last_offset >= bound.low) {
    TRY_ASSIGN(auto last,
               source.read_one(bound.name, place.record.last_offset));
    if (last && last->hash != place.record.last_hash) {
      place.fault = fmt::format(
          "{} was truncated or recreated: the record at offset {} is not the "
          "one that was read",
          bound.name, place.record.last_offset);
      return place;
    }
  }
  if (next < bound.low) {
    place.fault = fmt::format(
        "{} has lost what comes next: the stored offset is {}, available is "
        "[{}, {})",
        bound.name, next, bound.low, bound.high);
  }
  return place;
}

Result<bool> Positions::update(Source& source,
                               const std::vector<PartitionBounds>& bounds) {
  std::vector<Place> added;
  bool changed = false;
  for (const PartitionBounds& bound : bounds) {
    if (Place* known = find(bound.name)) {
      known->high = bound.high;
      if (known->fault.empty() && bound.high < known->record.next) {
        known->fault = fmt::format(
            "{} was truncated or recreated: offset {} comes next, but it ends "
            "at {}",
            bound.name, known->record.next, bound.high);
        spdlog::error("{}", known->fault);
        changed = true;
      }
      continue;
    }
    TRY_ASSIGN(Place place, check(source, bound));
    if (!place.fault.empty()) spdlog::error("{}", place.fault);
    added.push_back(std::move(place));
  }
  for (Place& place : added) places_.push_back(std::move(place));
  return changed || !added.empty();
}

Status Positions::assign(Source& source) {
  std::vector<AssignedPartition> wanted;
  std::vector<size_t> assigned;
  std::vector<PartitionName> names;
  std::vector<Timestamp> watermarks;
  for (size_t i = 0; i < assigned_.size(); ++i) {
    places_[assigned_[i]].watermark = watermarks_[i];
  }
  for (size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].fault.empty()) continue;
    wanted.push_back({places_[i].name, places_[i].record.next});
    assigned.push_back(i);
    names.push_back(places_[i].name);
    watermarks.push_back(places_[i].watermark);
  }
  TRY(source.assign(wanted));
  assigned_ = std::move(assigned);
  names_ = std::move(names);
  watermarks_ = std::move(watermarks);
  return {};
}

void Positions::passed(std::span<const RawMessage> messages) {
  // Only the last of each partition is hashed.
  std::vector<const RawMessage*> last(assigned_.size(), nullptr);
  for (const RawMessage& message : messages) {
    last[message.partition] = &message;
  }
  for (size_t i = 0; i < last.size(); ++i) {
    if (last[i] == nullptr) continue;
    OffsetRecord& record = places_[assigned_[i]].record;
    record.next = last[i]->offset + 1;
    record.last_offset = last[i]->offset;
    record.last_hash = record_hash(last[i]->key, last[i]->value);
    record.last_time_ms = last[i]->time.ms;
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
    places_[assigned_[fault.partition]].fault = fault.error.message;
    spdlog::error("{}", fault.error.message);
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
