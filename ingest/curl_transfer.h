// CurlTransfer: fetching by libcurl: a schema from a registry, the files of a
// remote place. Used by one thread; owned by who uses it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct TransferRequest {
  std::string url;   // without user and password
  std::string user;  // and password, if not empty
  std::string password;
  std::string aws_region;  // not empty: signed for S3, user is the key's id
  // Of a server's certificate instead of the system's; SFTP: the user's key.
  std::string ca_file, key_file;
  std::string known_hosts;   // SFTP: the file that names the host's key
  bool require_tls = false;  // FTP: by AUTH TLS
  std::vector<std::string> headers;
  std::string custom_request;         // "DELETE", "MLSD"
  std::string form;                   // HTTP: posted, if not empty
  bool no_body = false;               // asks about a file, and fetches nothing
  std::vector<std::string> commands;  // FTP and SFTP: after the transfer
  int64_t timeout_ms = 30'000;        // 0: only a stall of 30 s ends it
  uint64_t most_bytes = uint64_t{4} << 20;
  std::function<bool()> stopped;  // may be null; ends the transfer
};

struct TransferAnswer {
  long status = 0;  // of HTTP
  std::string body;
  // With no_body, of a file of FTP and SFTP; -1: the server does not say. The
  // time is in seconds since 1970.
  int64_t file_size = -1, file_time = -1;
};

class CurlTransfer {
 public:
  CurlTransfer();
  ~CurlTransfer();

  // kUnavailable: the place cannot be reached, or the transfer broke off.
  // kNotFound: FTP and SFTP have no such file. kCancelled: it was stopped.
  // Any HTTP status is an answer. Redirects are not followed.
  Result<TransferAnswer> get(const TransferRequest& request);
  // The same into `write`, which may fail.
  Result<long> get(const TransferRequest& request,
                   const std::function<Status(std::span<const char>)>& write);

 private:
  void* const handle_;
};

// `text` with everything but unreserved characters (and '/' if `path`) as %XX.
std::string url_escape(std::string_view text, bool path);

}  // namespace freshet
