// Writes the dictionary of a string column: picks its form and its bytes.
// FORMAT.md, "Dictionary".
#pragma once

#include <string>

#include "segments/dictionary_order.h"

namespace freshet {

// Whether no block would have more than kTextBlockBytes of text.
bool fits_text_blocks(const Dictionary& dictionary,
                      const DictionaryOrder& order);

// The values of `order`. In blocks when they are in order of appearance
// (REQUIRES: fits_text_blocks()), or when flat they take more than 64 KiB and
// blocks save a quarter of it; else flat. kLimit above 4 GiB.
Result<std::string> encode_dictionary(const Dictionary& dictionary,
                                      const DictionaryOrder& order);

}  // namespace freshet
