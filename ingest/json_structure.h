// JsonStructure: where the tokens of JSON texts begin, found by simdjson's
// first stage. Used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace freshet {

class JsonStructure {
 public:
  JsonStructure();
  ~JsonStructure();

  // Finds in `size` bytes, with PaddedBlocks::kPadding readable ones behind
  // them, the places of { } [ ] : , outside strings, of opening quotes, and of
  // the first character of anything else. Null, or what is wrong: a string
  // does not end or holds a control character, or the text is not UTF-8.
  const char* find(const char* text, size_t size);
  // The places in rising order, then `size` twice. Valid until find().
  const uint32_t* places() const;

  // The text of a string whose bytes between its quotes are `raw`; the closing
  // quote must follow. Into memory valid until the next call. False if an
  // escape is none.
  bool unescape(std::string_view raw, std::string_view& text);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::vector<char> unescaped_;
};

}  // namespace freshet
