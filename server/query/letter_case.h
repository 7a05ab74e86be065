// Upper and lower case of UTF-8 text, letter by letter, as Unicode has it for
// single letters ("ß" stays, its upper case being two).
#pragma once

#include <string>
#include <string_view>

namespace freshet {

// `out` = `text` in upper (or lower) case. Bytes that are no UTF-8 stay.
void change_case(std::string_view text, bool upper, std::string& out);

}  // namespace freshet
