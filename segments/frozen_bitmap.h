// The frozen form of a Roaring bitmap, checked before it is believed: CRoaring
// itself looks at sizes only, and follows a wrong count out of its memory.
// Source of the format: CRoaring's description of frozen serialization.
#pragma once

#include <span>

namespace freshet {

// Whether `bytes` are a whole frozen bitmap: types known, keys ascending, sizes
// adding up, each container's members ascending and as many as counted.
// Linear in the bytes. Thread-safe.
bool is_frozen_bitmap(std::span<const char> bytes);

}  // namespace freshet
