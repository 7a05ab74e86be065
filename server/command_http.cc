#include "server/command_http.h"

#include <curl/curl.h>

#include "server/model/secret_reference.h"

namespace freshet {
namespace {

size_t append_body(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

}  // namespace

ErrorCode HttpReply::error_code() const {
  constexpr long kTimeout = 408;
  constexpr long kTooMany = 429;
  bool at_fault =
      status >= 400 && status < 500 && status != kTimeout && status != kTooMany;
  return at_fault ? ErrorCode::kInvalid : ErrorCode::kUnavailable;
}

HttpClient::HttpClient(std::string token)
    : token_(std::move(token)), handle_(curl_easy_init()) {}

HttpClient::~HttpClient() { curl_easy_cleanup(handle_); }

Result<HttpReply> HttpClient::post(const std::string& url,
                                   std::string_view body,
                                   const std::vector<std::string>& headers) {
  return send(url, nullptr, &body, headers);
}

Result<HttpReply> HttpClient::get(const std::string& url,
                                  const std::vector<std::string>& headers) {
  return send(url, nullptr, nullptr, headers);
}

Result<HttpReply> HttpClient::remove(const std::string& url,
                                     const std::vector<std::string>& headers) {
  return send(url, "DELETE", nullptr, headers);
}

Result<HttpReply> HttpClient::send(const std::string& url, const char* method,
                                   const std::string_view* body,
                                   const std::vector<std::string>& headers) {
  if (!handle_) {
    return Error{ErrorCode::kInternal, "libcurl could not start"};
  }
  TRY_ASSIGN(std::string token, resolve_secrets(token_));
  CURL* curl = handle_;
  curl_slist* list = nullptr;
  if (!token.empty()) {
    list = curl_slist_append(list, ("Authorization: Bearer " + token).c_str());
  }
  for (const std::string& header : headers) {
    list = curl_slist_append(list, header.c_str());
  }
  list = curl_slist_append(list, "Expect:");
  HttpReply reply;
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  if (method) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  if (body) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body->size()));
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
  CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(list);
  if (code != CURLE_OK) {
    return Error{ErrorCode::kUnavailable,
                 url + ": " + curl_easy_strerror(code)};
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

}  // namespace freshet
