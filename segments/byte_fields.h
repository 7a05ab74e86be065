// Fields of a record as bytes: integers little-endian at their own width,
// texts as a 4-byte length and the bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace freshet {

static_assert(std::endian::native == std::endian::little,
              "records are written in the byte order of the machine");

class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out) {}

  template <class T>
    requires std::is_integral_v<T>
  void put(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void put(std::string_view text) {
    put(static_cast<uint32_t>(text.size()));
    out_ += text;
  }
  void put(const std::string& text) { put(std::string_view(text)); }

 private:
  std::string& out_;
};

// Takes fields off the front. After a read past the end every read yields
// zero or nothing, and complete() is false.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T take() {
    T value = 0;
    if (sizeof(T) > rest_.size()) valid_ = false;
    if (!valid_) return 0;
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  uint64_t number() { return take<uint64_t>(); }
  int64_t signed_number() { return take<int64_t>(); }
  std::string text() {
    uint32_t size = take<uint32_t>();
    if (size > rest_.size()) valid_ = false;
    if (!valid_) return {};
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  // Bytes not yet read.
  size_t rest() const { return rest_.size(); }
  bool valid() const { return valid_; }
  // All read well and nothing left over.
  bool complete() const { return valid_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool valid_ = true;
};

}  // namespace freshet
