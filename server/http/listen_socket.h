// ListenSocket: an address taken for a server that does not listen yet, so
// that a port in use is found before anything else is begun.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "segments/result.h"

namespace freshet {

class ListenSocket {
 public:
  // Binds HOST:PORT; port 0 is any free one. kInvalid: not such an address, or
  // an unknown host; kConflict: another process listens there; kIo.
  static Result<std::unique_ptr<ListenSocket>> bind(const std::string& listen);
  ~ListenSocket();
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;

  // The descriptor, which is the caller's from now on.
  int release();
  bool is_v6() const { return is_v6_; }

 private:
  ListenSocket(int descriptor, bool is_v6)
      : descriptor_(descriptor), is_v6_(is_v6) {}
  int descriptor_;
  const bool is_v6_;
};

// kInvalid unless it is HOST:PORT. Asks no name server.
Status check_listen(const std::string& listen);
// What cannot be listened on, and why.
Error listen_error(const std::string& listen, int code);

}  // namespace freshet
