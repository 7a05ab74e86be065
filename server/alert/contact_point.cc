#include "server/alert/contact_point.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <mutex>

#include "server/alert/contact_address.h"

namespace freshet {
namespace {

constexpr long kTimeoutMs = 10'000;
constexpr long kConnectTimeoutMs = 5'000;

struct Attempt {
  bool allow_private = false;
  bool refused = false;  // by the address guard
  const std::atomic<bool>* stop = nullptr;
};

// Called by curl with the resolved address, just before it connects to it.
curl_socket_t open_socket(void* data, curlsocktype, curl_sockaddr* address) {
  auto* attempt = static_cast<Attempt*>(data);
  if (!attempt->allow_private && !is_public_address(&address->addr)) {
    attempt->refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC,
                address->protocol);
}

// The receiver's answer is of no interest.
size_t discard(char*, size_t size, size_t count, void*) { return size * count; }

int check_stop(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Attempt*>(data)->stop->load() ? 1 : 0;
}

using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

void append(Headers& headers, const std::string& line) {
  curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
  if (!longer) return;
  (void)headers.release();
  headers.reset(longer);
}

Headers make_headers(const ContactModel& contact) {
  Headers headers(nullptr, &curl_slist_free_all);
  append(headers, "Content-Type: application/json");
  append(headers, "User-Agent: Freshet/" FRESHET_VERSION);
  append(headers, "Expect:");
  for (const auto& [name, value] : contact.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos) continue;
    append(headers, name + ": " + value);
  }
  return headers;
}

std::string address_of(const ContactModel& contact) {
  if (contact.kind != "alertmanager") return contact.url;
  std::string url = contact.url;
  while (url.ends_with('/')) url.pop_back();
  return url.ends_with("/api/v2/alerts") ? url : url + "/api/v2/alerts";
}

void set_options(CURL* curl, Attempt& attempt, const std::string& url,
                 const std::string& body, curl_slist* headers) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NETRC, CURL_NETRC_IGNORED);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stop);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
}

// URLs may hold secrets: messages name the contact only.
Status outcome(const ContactModel& contact, const Attempt& attempt,
               CURLcode code, long status) {
  auto error = [&](ErrorCode kind, const std::string& what) {
    return Error{kind, fmt::format("{}: contact {}", what, contact.name)};
  };
  if (attempt.refused && code != CURLE_OK) {
    return error(ErrorCode::kForbidden,
                 "the address is not public (allow_private is false)");
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return error(ErrorCode::kInvalid, "not a http or https URL");
  }
  if (code != CURLE_OK) {
    return error(ErrorCode::kUnavailable, curl_easy_strerror(code));
  }
  if (status >= 200 && status < 300) return {};
  bool again = status >= 500 || status == 429 || status == 408;
  return error(again ? ErrorCode::kUnavailable : ErrorCode::kInvalid,
               fmt::format("the receiver answered {}", status));
}

}  // namespace

Status post_notification(const ContactModel& contact, const std::string& body,
                         const std::atomic<bool>& stop) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                           &curl_easy_cleanup);
  if (!curl) return Error{ErrorCode::kInternal, "curl cannot start"};
  Attempt attempt{contact.allow_private, false, &stop};
  Headers headers = make_headers(contact);
  std::string url = address_of(contact);
  set_options(curl.get(), attempt, url, body, headers.get());
  CURLcode code = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return outcome(contact, attempt, code, status);
}

}  // namespace freshet
