// Text of one field -> the value of a column, exactly. Shared by the
// decoders. Nothing here allocates or keeps state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "segments/schema.h"

namespace freshet {

// Reads "[+-]digits[.digits][e[+-]digits]" as units of 10^-scale. With
// `rounded`, digits beyond the scale are rounded half away from zero; without,
// they make it fail unless they are zeros (12.0 is a long, 12.5 is not).
// False if it is not a number or does not fit an int64.
bool parse_exact(std::string_view text, int scale, bool rounded, int64_t& out);

// A finite decimal number; false for "nan", "inf", blanks and out of range.
bool parse_double(std::string_view text, double& out);

// true, false, 1, 0; letters of any case.
bool parse_bool(std::string_view text, int64_t& out);

// Without the blanks, tabs and line ends at both ends.
std::string_view trim(std::string_view text);
// Without the byte order mark that some writers begin with.
std::string_view without_byte_order_mark(std::string_view text);
// How many of its characters end a line (LF).
int64_t count_line_ends(std::string_view text);

bool is_utf8(std::string_view text);

// `text` made fit for a message: at most 80 characters, a '?' for each byte of
// what is no UTF-8, and for control characters, also those of direction.
std::string shorten(std::string_view text);

}  // namespace freshet
