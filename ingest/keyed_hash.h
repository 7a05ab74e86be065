// KeyedHash: pseudonyms of personal data: BLAKE2b (RFC 7693, by libsodium) with
// a secret key, 128 bits as 32 hexadecimal digits. Equal texts have equal
// hashes, so that they can be counted and joined; without the key nobody can
// try texts. Immutable.
#pragma once

#include <array>
#include <string_view>

namespace freshet {

class KeyedHash {
 public:
  static constexpr size_t kDigits = 32;
  // The key is made of the secret, which may have any length.
  explicit KeyedHash(std::string_view secret);
  void write(std::string_view text, std::array<char, kDigits>& digits) const;

 private:
  std::array<unsigned char, 32> key_;
};

}  // namespace freshet
