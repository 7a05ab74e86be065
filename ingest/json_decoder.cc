// JSON objects -> rows.
//
// The messages of a batch are copied one behind the other, each followed by
// kSeparator, and simdjson's first stage finds the tokens of many messages at
// once; the decoder walks over these. Text values without escapes are views
// into the copy. The separator keeps messages apart: a string that does not
// end in its message holds the line feed, which stage one refuses (then the
// messages are read one by one, and only the one at fault suffers); and the
// bracket ends every walk, since no object may go on with it.
#include <fmt/format.h>

#include <cstring>

#include "ingest/decoder.h"
#include "ingest/field_targets.h"
#include "ingest/field_value.h"
#include "ingest/json_paths.h"
#include "ingest/json_structure.h"
#include "ingest/padded_blocks.h"

namespace freshet {
namespace {

constexpr std::string_view kSeparator = "\n]";
// Text, places and rows of a chunk should stay in the second cache.
constexpr size_t kChunkBytes = 64 << 10;

// A number of at most 8 digits and a sign, written as JSON wants it. Reads
// eight bytes behind `text`.
bool read_short_long(std::string_view text, int64_t& value) {
  bool negative = text[0] == '-';
  text.remove_prefix(negative);
  if (text.empty() || text.size() > 8) return false;
  if (text[0] == '0' && text.size() > 1) return false;
  uint64_t digits;
  std::memcpy(&digits, text.data(), sizeof digits);
  // The first digit is the lowest byte: put zeros below it.
  constexpr uint64_t kZeros = 0x3030303030303030;
  size_t missing = 8 * (8 - text.size());
  digits = missing == 0 ? digits : digits << missing | kZeros >> (64 - missing);
  uint64_t above = digits + 0x4646464646464646;  // over '9' sets a top bit
  digits -= kZeros;
  if (((above | digits) & 0x8080808080808080) != 0) return false;
  digits = digits * 10 + (digits >> 8);  // pairs
  digits = ((digits & 0x000000FF000000FF) * 0x000F424000000064 +
            (digits >> 16 & 0x000000FF000000FF) * 0x0000271000000001) >>
           32;
  auto magnitude = static_cast<int64_t>(digits & 0xFFFFFFFF);
  value = negative ? -magnitude : magnitude;
  return true;
}

bool is_mark(char c) { return c == ',' || c == ':' || c == ']' || c == '}'; }

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(DecoderSpec spec)
      : targets_(std::move(spec)), paths_(targets_) {}

  using Decoder::decode;
  void decode(std::span<const RawMessage> messages, ColumnBatch& batch,
              Decoded& decoded) override;

 private:
  // A message of the chunk being read.
  struct Piece {
    uint32_t message;
    uint32_t begin, end;  // in the chunk; the separator's bracket is at end + 1
  };
  size_t cut_chunk(size_t first);
  void read_chunk();
  void read_pieces(std::span<const Piece> pieces);
  bool read_message(const Piece& piece);
  bool read_object(JsonLevel& level);
  bool read_value(JsonMember& member);
  bool read_text(JsonMember& member);
  bool read_bare(JsonMember& member);
  bool skip_value();
  void keep_or_reject(const Piece& piece, bool good);
  bool broken();
  bool not_json(std::string_view why);

  FieldTargets targets_;
  JsonPaths paths_;
  JsonStructure structure_;
  PaddedBlocks blocks_;
  uint64_t message_number_ = 0;

  // Of the decode() under way.
  std::span<const RawMessage> messages_;
  ColumnBatch* batch_ = nullptr;
  Decoded* decoded_ = nullptr;
  size_t row_ = 0;
  std::vector<Piece> pieces_;
  size_t chunk_bytes_ = 0;
  const char* text_ = nullptr;    // what places count from
  const uint32_t* at_ = nullptr;  // the next place
  uint32_t stop_ = 0;             // place of the separator's bracket
  bool escapes_ = false;          // whether there may be any in the chunk
};

void JsonDecoder::decode(std::span<const RawMessage> messages,
                         ColumnBatch& batch, Decoded& decoded) {
  if (batch.num_rows() == 0) blocks_.reset();
  messages_ = messages;
  batch_ = &batch;
  decoded_ = &decoded;
  batch.open_rows(messages.size());
  paths_.aim(targets_, batch);
  for (size_t first = 0; first < messages.size();) {
    first = cut_chunk(first);
    if (!pieces_.empty()) read_chunk();
  }
  batch.close_rows();
}

// Fills pieces_ from `first` on; returns the first message left.
size_t JsonDecoder::cut_chunk(size_t first) {
  pieces_.clear();
  chunk_bytes_ = 0;
  for (; first < messages_.size(); ++first) {
    if (messages_[first].null_value) {
      ++decoded_->ignored;
      continue;
    }
    size_t size = without_byte_order_mark(messages_[first].value).size();
    auto number = static_cast<uint32_t>(first);
    if (size > kMaxEventBytes) {
      // In the order of the messages.
      if (!pieces_.empty()) return first;
      decoded_->rejections.push_back(
          {number, "too_large",
           fmt::format("the event is larger than {} bytes: {}", kMaxEventBytes,
                       size)});
      continue;
    }
    if (!pieces_.empty() && chunk_bytes_ + size > kChunkBytes) return first;
    pieces_.push_back({number, static_cast<uint32_t>(chunk_bytes_),
                       static_cast<uint32_t>(chunk_bytes_ + size)});
    chunk_bytes_ += size + kSeparator.size();
  }
  return first;
}

void JsonDecoder::read_chunk() {
  char* chunk = blocks_.take(chunk_bytes_);
  for (const Piece& piece : pieces_) {
    std::string_view message =
        without_byte_order_mark(messages_[piece.message].value);
    if (!message.empty()) {
      std::memcpy(chunk + piece.begin, message.data(), message.size());
    }
    std::memcpy(chunk + piece.end, kSeparator.data(), kSeparator.size());
  }
  escapes_ = std::memchr(chunk, '\\', chunk_bytes_) != nullptr;
  text_ = chunk;
  if (structure_.find(chunk, chunk_bytes_) == nullptr) {
    read_pieces(pieces_);
    return;
  }
  for (Piece piece : pieces_) {
    text_ = chunk + piece.begin;
    piece.end -= piece.begin;
    piece.begin = 0;
    const char* error = structure_.find(text_, piece.end + kSeparator.size());
    if (error == nullptr) {
      read_pieces(std::span(&piece, 1));
    } else {
      keep_or_reject(piece, not_json(error));
    }
  }
}

void JsonDecoder::read_pieces(std::span<const Piece> pieces) {
  at_ = structure_.places();
  for (const Piece& piece : pieces) {
    stop_ = piece.end + 1;
    keep_or_reject(piece, read_message(piece));
    while (*at_ <= stop_) ++at_;
  }
}

void JsonDecoder::keep_or_reject(const Piece& piece, bool good) {
  if (good) {
    batch_->commit_row();
    decoded_->row_messages.push_back(piece.message);
  } else {
    batch_->abandon_row();
    decoded_->rejections.push_back(
        {piece.message, targets_.reason(), targets_.take_text()});
  }
}

bool JsonDecoder::read_message(const Piece& piece) {
  ++message_number_;
  row_ = batch_->num_rows();
  targets_.begin_message(messages_[piece.message]);
  targets_.begin();
  if (text_[*at_] != '{') {
    return not_json(
        piece.begin == piece.end
            ? "it is empty"
            : "it starts with " +
                  shorten({text_ + piece.begin, piece.end - piece.begin}));
  }
  ++at_;
  if (!read_object(paths_.root())) return false;
  if (*at_ != stop_) return not_json("text after the end of the object");
  return targets_.finish(*batch_);
}

// From behind the opening bracket to behind the closing one.
bool JsonDecoder::read_object(JsonLevel& level) {
  if (text_[*at_] == '}') {
    ++at_;
    return true;
  }
  for (int place = JsonLevel::kStart;;) {
    const char* key = text_ + at_[0];
    if (*key != '"' || text_[at_[1]] != ':') return broken();
    int found = level.find(key + 1, text_ + at_[1], structure_, place);
    at_ += 2;
    if (found == JsonLevel::kUnreadable) return broken();
    JsonMember* member =
        found == JsonLevel::kUnknown ? nullptr : &level.member(found);
    if (member == nullptr || member->seen_in == message_number_) {
      if (!skip_value()) return broken();
    } else {
      member->seen_in = message_number_;
      if (!read_value(*member)) return false;
    }
    char next = text_[*at_++];
    if (next == '}') return true;
    if (next != ',') {
      --at_;
      return broken();
    }
  }
}

bool JsonDecoder::skip_value() {
  char first = text_[*at_];
  if (is_mark(first)) return false;
  ++at_;
  if (first != '{' && first != '[') return true;
  for (size_t depth = 1; depth > 0; ++at_) {
    if (*at_ >= stop_) return false;
    char c = text_[*at_];
    depth += c == '{' || c == '[';
    depth -= c == '}' || c == ']';
  }
  return true;
}

bool JsonDecoder::read_value(JsonMember& member) {
  char first = text_[*at_];
  if (first == '"') return read_text(member);
  if (first != '{' && first != '[') return read_bare(member);
  if (first == '{' && member.level >= 0) {
    ++at_;
    return read_object(paths_.level(member.level));
  }
  for (size_t target : member.targets) {
    const char* what = first == '[' ? "an array" : "an object";
    if (!targets_.misfit(target, what, *batch_)) return false;
  }
  return skip_value() || broken();
}

bool JsonDecoder::read_text(JsonMember& member) {
  const char* begin = text_ + at_[0] + 1;
  const char* end = text_ + at_[1] - 1;
  while (*end != '"') --end;
  if (end < begin) return broken();
  std::string_view text(begin, static_cast<size_t>(end - begin));
  if (escapes_ && std::memchr(begin, '\\', text.size()) != nullptr) {
    if (!structure_.unescape(text, text)) return broken();
    text = batch_->keep(text);
  }
  ++at_;
  if (member.direct == JsonMember::Direct::kText) {
    member.strings[row_] = text;
    member.nulls[row_] = 0;
    return true;
  }
  for (size_t target : member.targets) {
    if (!targets_.put(target, text, *batch_)) return false;
  }
  return true;
}

// A number, true, false or null, or something that is none of them.
bool JsonDecoder::read_bare(JsonMember& member) {
  const char* begin = text_ + at_[0];
  const char* end = text_ + at_[1];
  if (is_mark(*begin)) return broken();
  ++at_;
  std::string_view token(begin, static_cast<size_t>(end - begin));
  int64_t value = 0;
  if (member.direct == JsonMember::Direct::kLong &&
      read_short_long(token, value)) {
    member.longs[row_] = value;
    member.nulls[row_] = 0;
    return true;
  }
  token = trim(token);
  if (token == "null") return true;
  size_t digit = token[0] == '-';
  bool number = token.size() > digit && token[digit] >= '0' &&
                token[digit] <= '9' &&
                !(token[digit] == '0' && token.size() > digit + 1 &&
                  token[digit + 1] >= '0' && token[digit + 1] <= '9');
  for (size_t target : member.targets) {
    if (!number && token != "true" && token != "false") {
      return targets_.reject_value(target, token);
    }
    if (!targets_.put_bare(target, token, *batch_)) return false;
  }
  return true;
}

bool JsonDecoder::broken() {
  size_t at = std::min(*at_, stop_ - 1);
  std::string_view rest(text_ + at, stop_ - 1 - at);
  return not_json(rest.empty()
                      ? "it does not end"
                      : "it is not JSON from here on: " + shorten(rest));
}

bool JsonDecoder::not_json(std::string_view why) {
  return targets_.reject(
      "not_json", fmt::format("the event is not a JSON object: {}", why));
}

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(DecoderSpec spec) {
  return std::make_unique<JsonDecoder>(std::move(spec));
}

}  // namespace freshet
