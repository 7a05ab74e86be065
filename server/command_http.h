// A small HTTP client for the commands, over libcurl.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "segments/result.h"

namespace freshet {

struct HttpReply {
  long status = 0;
  std::string body;

  // What the commands' exit codes go by: kInvalid if what was asked is at fault
  // and asking again changes nothing, else kUnavailable. For no good status.
  ErrorCode error_code() const;
};

// POSTs `body` to `url`, GETs or DELETEs it; headers as "Name: value".
// kUnavailable when the server cannot be reached, naming the URL. One
// connection is kept between calls of one client. Not thread-safe.
class HttpClient {
 public:
  // `token`: sent as Authorization if not empty, with its references to secrets
  // resolved; kInvalid of each call if they cannot be.
  explicit HttpClient(std::string token = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Result<HttpReply> post(const std::string& url, std::string_view body,
                         const std::vector<std::string>& headers);
  Result<HttpReply> get(const std::string& url,
                        const std::vector<std::string>& headers);
  Result<HttpReply> remove(const std::string& url,
                           const std::vector<std::string>& headers);

 private:
  // `body` null: none; `method` null: POST with a body, GET without.
  Result<HttpReply> send(const std::string& url, const char* method,
                         const std::string_view* body,
                         const std::vector<std::string>& headers);
  const std::string token_;
  void* handle_;  // CURL*
};

}  // namespace freshet
