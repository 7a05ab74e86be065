// Decimals as bytes: big-endian two's complement of the units, as Kafka
// Connect, Debezium and Avro write them. Nothing here keeps state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet {

// Whether `text` is base64 (RFC 4648 §4, padded) and not empty.
bool is_base64(std::string_view text);
std::string to_base64(std::string_view bytes);

// The number as text with `scale` digits behind the point: ("BOI=", 2) is
// "12.50". Nothing if it is not base64, empty, or longer than 16 bytes.
std::optional<std::string> decimal_of_base64(std::string_view text, int scale);
std::optional<std::string> decimal_of_bytes(std::string_view bytes, int scale);

}  // namespace freshet
