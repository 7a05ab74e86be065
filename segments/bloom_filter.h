// BloomFilter: whether a text may be among the values of one text block. Of
// kBloomBytes bytes for at most kTextBlockValues values (10 bits each), so
// that about 1 of 100 strange texts is not told apart; a member always is.
// FORMAT.md, "Dictionary".
#pragma once

#include <cstdint>
#include <string_view>

namespace freshet {

inline constexpr uint32_t kBloomBytes = 1280;

// XXH3 of the text, once for all filters it is tried on.
uint64_t bloom_hash(std::string_view text);
// `filter` is kBloomBytes bytes.
void bloom_add(char* filter, uint64_t hash);
bool bloom_may_have(const char* filter, uint64_t hash);

}  // namespace freshet
