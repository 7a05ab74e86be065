// JSON objects -> rows, by simdjson on-demand.
//
// The messages of a batch are copied one behind the other into one padded
// buffer and parsed in place; text values without escapes are views into it.
// Producers write the fields of an event in the same order again and again, so
// each object level remembers which key came at which position last time and
// compares the raw bytes with it; only another key costs a hash look-up.
#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <type_traits>

#include "ingest/decoder.h"
#include "ingest/field_targets.h"
#include "ingest/field_value.h"

#if defined(__x86_64__)
// On-demand is chosen at compile time and silently falls back to scalar code
// without PCLMUL; refuse to build that.
static_assert(
    std::is_same_v<simdjson::SIMDJSON_BUILTIN_IMPLEMENTATION::ondemand::parser,
                   simdjson::haswell::ondemand::parser>,
    "simdjson fell back: compile with -march=x86-64-v3 -mpclmul");
#endif

namespace freshet {
namespace {

namespace ondemand = simdjson::SIMDJSON_BUILTIN_IMPLEMENTATION::ondemand;

// Keys are compared at a raw pointer, so a remembered key (with its closing
// quote) must not reach beyond the padding.
constexpr size_t kMaxRememberedKey = simdjson::SIMDJSON_PADDING - 2;
constexpr size_t kMaxRememberedFields = 256;
constexpr size_t kBlockBytes = 1 << 20;
constexpr size_t kLargeMessage = 1 << 20;

// Memory for messages, kept from one batch to the next.
class PaddedBlocks {
 public:
  void reset() {
    // One huge batch must not hold its memory for ever.
    std::erase_if(blocks_, [](const Block& b) { return b.size > 8 << 20; });
    current_ = 0;
    used_ = 0;
  }
  // `size` bytes followed by padding.
  char* take(size_t size) {
    size += simdjson::SIMDJSON_PADDING;
    while (current_ < blocks_.size() && used_ + size > blocks_[current_].size) {
      ++current_;
      used_ = 0;
    }
    if (current_ == blocks_.size()) {
      size_t block = std::max(size, kBlockBytes);
      blocks_.push_back({std::make_unique<char[]>(block), block});
    }
    char* place = blocks_[current_].bytes.get() + used_;
    used_ += size;
    return place;
  }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };
  std::vector<Block> blocks_;
  size_t current_ = 0;
  size_t used_ = 0;
};

// One object level of the paths.
struct Level {
  struct Member {
    std::vector<size_t> targets;  // in FieldTargets
    int level = -1;               // of the object behind it
    uint64_t seen_in = 0;         // row number, for duplicate keys
  };
  struct Remembered {
    std::string raw;  // key and closing quote; empty: nothing yet
    int member = -1;  // -1: a key nobody asks for
  };
  std::vector<Member> members;
  absl::flat_hash_map<std::string, int> by_name;
  std::vector<Remembered> order;
};

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(DecoderSpec spec) : targets_(std::move(spec)) {
    levels_.emplace_back();
    for (size_t i = 0; i < targets_.size(); ++i) add_path(i);
  }

  void decode(std::span<const std::string_view> messages, ColumnBatch& batch,
              std::vector<uint32_t>& row_messages,
              std::vector<Rejection>& rejections) override;

 private:
  void add_path(size_t target);
  int member_of(int level, std::string_view name);
  bool decode_one(const char* json, size_t size, size_t capacity,
                  ColumnBatch& batch);
  bool read_object(int level, ondemand::object object, ColumnBatch& batch);
  // Member of the key of `field`, -1 if unknown, -2 if it cannot be read.
  int find_member(int level, size_t position, ondemand::field& field);
  int look_up(int level, size_t position, ondemand::field& field);
  bool read_value(Level::Member& member, ondemand::value value,
                  ColumnBatch& batch);
  bool read_text(const Level::Member& member, std::string_view token,
                 ondemand::value value, ColumnBatch& batch);
  bool not_json(simdjson::error_code error);

  FieldTargets targets_;
  std::vector<Level> levels_;
  PaddedBlocks blocks_;
  ondemand::parser parser_;
  uint64_t row_ = 0;
};

void JsonDecoder::add_path(size_t target) {
  std::string_view path = targets_.path(target);
  int level = 0;
  for (;;) {
    size_t dot = path.find('.');
    int member = member_of(level, path.substr(0, dot));
    auto at = static_cast<size_t>(member);
    if (dot == std::string_view::npos) {
      levels_[static_cast<size_t>(level)].members[at].targets.push_back(target);
      return;
    }
    int next = levels_[static_cast<size_t>(level)].members[at].level;
    if (next < 0) {
      next = static_cast<int>(levels_.size());
      levels_[static_cast<size_t>(level)].members[at].level = next;
      levels_.emplace_back();
    }
    level = next;
    path.remove_prefix(dot + 1);
  }
}

int JsonDecoder::member_of(int level, std::string_view name) {
  Level& at = levels_[static_cast<size_t>(level)];
  auto [found, added] =
      at.by_name.try_emplace(std::string(name), at.members.size());
  if (added) at.members.emplace_back();
  return found->second;
}

void JsonDecoder::decode(std::span<const std::string_view> messages,
                         ColumnBatch& batch,
                         std::vector<uint32_t>& row_messages,
                         std::vector<Rejection>& rejections) {
  if (batch.num_rows() == 0) blocks_.reset();
  size_t total = 0;
  for (std::string_view m : messages) {
    if (m.size() <= kMaxEventBytes) total += m.size();
  }
  char* place = blocks_.take(total);
  size_t capacity = total + simdjson::SIMDJSON_PADDING;
  for (uint32_t i = 0; i < messages.size(); ++i) {
    std::string_view message = messages[i];
    if (message.size() > kMaxEventBytes) {
      rejections.push_back({i, "too_large",
                            fmt::format("the event is larger than {} bytes: {}",
                                        kMaxEventBytes, message.size())});
      continue;
    }
    if (!message.empty()) std::memcpy(place, message.data(), message.size());
    if (decode_one(place, message.size(), capacity, batch)) {
      batch.commit_row();
      row_messages.push_back(i);
    } else {
      batch.abandon_row();
      rejections.push_back({i, targets_.reason(), targets_.take_text()});
    }
    place += message.size();
    capacity -= message.size();
    // The parser keeps five times the largest message.
    if (message.size() > kLargeMessage) parser_ = ondemand::parser();
  }
}

bool JsonDecoder::decode_one(const char* json, size_t size, size_t capacity,
                             ColumnBatch& batch) {
  ++row_;
  targets_.begin();
  ondemand::document document;
  if (auto e = parser_.iterate(json, size, capacity).get(document)) {
    return not_json(e);
  }
  ondemand::object object;
  if (auto e = document.get_object().get(object)) return not_json(e);
  if (!read_object(0, object, batch)) return false;
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return targets_.reject("not_json", "text after the end of the object");
  }
  return targets_.finish(batch);
}

bool JsonDecoder::read_object(int level, ondemand::object object,
                              ColumnBatch& batch) {
  size_t position = 0;
  for (auto next : object) {
    ondemand::field field;
    if (auto e = std::move(next).get(field)) return not_json(e);
    int at = find_member(level, position++, field);
    if (at == -1) continue;
    if (at == -2) return not_json(simdjson::STRING_ERROR);
    Level::Member& member =
        levels_[static_cast<size_t>(level)].members[static_cast<size_t>(at)];
    if (member.seen_in == row_) continue;
    member.seen_in = row_;
    if (!read_value(member, field.value(), batch)) return false;
  }
  return true;
}

int JsonDecoder::find_member(int level, size_t position,
                             ondemand::field& field) {
  Level& at = levels_[static_cast<size_t>(level)];
  if (position < at.order.size()) {
    const Level::Remembered& remembered = at.order[position];
    if (!remembered.raw.empty() &&
        std::memcmp(field.key().raw(), remembered.raw.data(),
                    remembered.raw.size()) == 0) {
      return remembered.member;
    }
  }
  return look_up(level, position, field);
}

int JsonDecoder::look_up(int level, size_t position, ondemand::field& field) {
  // The key is unescaped, since "st\u006fre" is "store" too.
  const char* raw = field.key().raw();
  std::string_view name;
  if (field.unescaped_key().get(name)) return -2;
  Level& at = levels_[static_cast<size_t>(level)];
  auto found = at.by_name.find(absl::string_view(name.data(), name.size()));
  int member = found == at.by_name.end() ? -1 : found->second;
  bool plain = name.size() < kMaxRememberedKey && raw[name.size()] == '"' &&
               std::memcmp(raw, name.data(), name.size()) == 0;
  if (plain && position < kMaxRememberedFields) {
    if (position >= at.order.size()) at.order.resize(position + 1);
    at.order[position].raw.assign(raw, name.size() + 1);
    at.order[position].member = member;
  }
  return member;
}

bool JsonDecoder::read_value(Level::Member& member, ondemand::value value,
                             ColumnBatch& batch) {
  std::string_view token = trim(value.raw_json_token());
  char first = token.empty() ? '\0' : token[0];
  if (first == '"') return read_text(member, token, value, batch);
  if (first == '{' && member.level >= 0) {
    ondemand::object object;
    if (auto e = value.get_object().get(object)) return not_json(e);
    return read_object(member.level, object, batch);
  }
  if (token == "null") {
    for (size_t target : member.targets) targets_.put_null(target);
    return true;
  }
  bool number = first == '-' || (first >= '0' && first <= '9');
  if (number) {
    size_t digit = first == '-';
    number = !(token.size() > digit + 1 && token[digit] == '0' &&
               token[digit + 1] >= '0' && token[digit + 1] <= '9');
  }
  for (size_t target : member.targets) {
    if (!number && token != "true" && token != "false") {
      return targets_.reject_value(target, token);
    }
    if (!targets_.put_bare(target, token, batch)) return false;
  }
  return true;
}

bool JsonDecoder::read_text(const Level::Member& member, std::string_view token,
                            ondemand::value value, ColumnBatch& batch) {
  if (token.size() < 2) return not_json(simdjson::STRING_ERROR);
  std::string_view text = token.substr(1, token.size() - 2);
  if (std::memchr(text.data(), '\\', text.size()) != nullptr) {
    std::string_view unescaped;
    if (auto e = value.get_string().get(unescaped)) return not_json(e);
    text = batch.keep(unescaped);
  }
  for (size_t target : member.targets) {
    if (!targets_.put(target, text, batch)) return false;
  }
  return true;
}

bool JsonDecoder::not_json(simdjson::error_code error) {
  return targets_.reject("not_json",
                         fmt::format("the event is not a JSON object: {}",
                                     simdjson::error_message(error)));
}

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(DecoderSpec spec) {
  return std::make_unique<JsonDecoder>(std::move(spec));
}

}  // namespace freshet
