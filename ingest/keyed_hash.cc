#include "ingest/keyed_hash.h"

#include <sodium.h>

namespace freshet {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

KeyedHash::KeyedHash(std::string_view secret) {
  // Chooses the instructions; only the first call does a thing, and a machine
  // without any special ones has the portable code.
  [[maybe_unused]] int chosen = sodium_init();
  crypto_generichash(key_.data(), key_.size(), bytes_of(secret), secret.size(),
                     nullptr, 0);
}

void KeyedHash::write(std::string_view text,
                      std::array<char, kDigits>& digits) const {
  unsigned char hash[kDigits / 2];
  crypto_generichash(hash, sizeof hash, bytes_of(text), text.size(),
                     key_.data(), key_.size());
  constexpr char kHex[] = "0123456789abcdef";
  for (size_t i = 0; i < sizeof hash; ++i) {
    digits[2 * i] = kHex[hash[i] >> 4];
    digits[2 * i + 1] = kHex[hash[i] & 15];
  }
}

}  // namespace freshet
