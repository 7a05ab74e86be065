// Whether this program runs under AddressSanitizer or ThreadSanitizer, which
// take a multiple of the time and touch memory of their own.
#pragma once

namespace freshet {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace freshet
