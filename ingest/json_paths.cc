#include "ingest/json_paths.h"

namespace freshet {

int JsonLevel::add(std::string_view name) {
  auto [found, added] = by_name_.try_emplace(std::string(name),
                                             static_cast<int>(members_.size()));
  if (added) members_.emplace_back();
  return found->second;
}

int JsonLevel::look_up(const char* raw, const char* end,
                       JsonStructure& structure, int& place) {
  while (*--end != '"') {
    if (end <= raw) return kUnreadable;
  }
  std::string_view name(raw, static_cast<size_t>(end - raw));
  bool plain = name.find('\\') == std::string_view::npos;
  // "st\u006fre" is "store" too.
  if (!plain && !structure.unescape(name, name)) return kUnreadable;
  auto found = by_name_.find(absl::string_view(name.data(), name.size()));
  int member = found == by_name_.end() ? kUnknown : found->second;
  if (!plain || name.size() >= kMaxWords * 8) return member;
  int key = remember(name, member);
  if (key == kStart) return member;
  (place == kStart ? first_ : known_[as_index(place)].next) = key;
  place = key;
  return member;
}

// Place of the key in known_, kStart if there is no room for it.
int JsonLevel::remember(std::string_view name, int member) {
  auto known = known_by_name_.find(absl::string_view(name.data(), name.size()));
  if (known != known_by_name_.end()) return known->second;
  if (known_.size() == kMaxKnown) return kStart;
  KnownKey key;
  std::string quoted = std::string(name) + '"';
  std::memcpy(key.words.data(), quoted.data(), quoted.size());
  key.last = static_cast<uint32_t>((quoted.size() - 1) / 8);
  size_t in_last = quoted.size() - 8 * key.last;
  key.last_mask = ~uint64_t{0} >> (64 - 8 * in_last);
  key.member = member;
  int number = static_cast<int>(known_.size());
  known_.push_back(key);
  known_by_name_.emplace(std::string(name), number);
  return number;
}

JsonPaths::JsonPaths(const FieldTargets& targets) {
  levels_.emplace_back();
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets.in_value(i)) add(targets, i);
  }
}

void JsonPaths::add(const FieldTargets& targets, size_t target) {
  std::string_view path = targets.path(target);
  int at = 0;
  for (;;) {
    size_t dot = path.find('.');
    int member = level(at).add(path.substr(0, dot));
    if (dot == std::string_view::npos) {
      level(at).member(member).targets.push_back(target);
      return;
    }
    int next = level(at).member(member).level;
    if (next < 0) {
      next = static_cast<int>(levels_.size());
      level(at).member(member).level = next;
      levels_.emplace_back();
    }
    at = next;
    path.remove_prefix(dot + 1);
  }
}

void JsonPaths::aim(const FieldTargets& targets, ColumnBatch& batch) {
  for (JsonLevel& level : levels_) {
    for (JsonMember& member : level.members()) {
      if (member.targets.size() != 1) continue;
      auto column = targets.plain_column(member.targets[0]);
      if (!column) continue;
      ColumnBuffer& buffer = batch.columns()[*column];
      bool text =
          batch.schema().columns[*column].type.kind == ColumnKind::kString;
      member.direct =
          text ? JsonMember::Direct::kText : JsonMember::Direct::kLong;
      member.longs = buffer.longs.data();
      member.strings = buffer.strings.data();
      member.nulls = buffer.nulls.data();
    }
  }
}

}  // namespace freshet
