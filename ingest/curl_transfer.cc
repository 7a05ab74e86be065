#include "ingest/curl_transfer.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <mutex>

#include "ingest/field_value.h"

namespace freshet {
namespace {

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListDeleter>;

List make_list(const std::vector<std::string>& lines) {
  List list;
  for (const std::string& line : lines) {
    list.reset(curl_slist_append(list.release(), line.c_str()));
  }
  return list;
}

struct Sink {
  const std::function<Status(std::span<const char>)>& write;
  Status status;
};

size_t receive(char* bytes, size_t, size_t size, void* to) {
  auto* sink = static_cast<Sink*>(to);
  sink->status = sink->write({bytes, size});
  return sink->status ? size : 0;
}

// Called about once a second, and whenever something comes.
int progress(void* request, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& stopped = static_cast<const TransferRequest*>(request)->stopped;
  return stopped && stopped() ? 1 : 0;
}

ErrorCode code_of(CURLcode code) {
  switch (code) {
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_FTP_COULDNT_RETR_FILE:
      return ErrorCode::kNotFound;
    case CURLE_ABORTED_BY_CALLBACK:
      return ErrorCode::kCancelled;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return ErrorCode::kInvalid;
    default:
      return ErrorCode::kUnavailable;
  }
}

void set_security(CURL* curl, const TransferRequest& request) {
  if (!request.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
  }
  if (!request.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, request.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, request.password.c_str());
  }
  if (request.require_tls) {
    curl_easy_setopt(curl, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  }
  if (!request.key_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSH_PRIVATE_KEYFILE,
                     request.key_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSH_AUTH_TYPES, CURLSSH_AUTH_PUBLICKEY);
  }
  if (!request.known_hosts.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSH_KNOWNHOSTS, request.known_hosts.c_str());
  }
  if (!request.aws_region.empty()) {
    std::string sign = fmt::format("aws:amz:{}:s3", request.aws_region);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, sign.c_str());
  }
}

}  // namespace

CurlTransfer::CurlTransfer()
    : handle_([] {
        static std::once_flag once;
        std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
        return curl_easy_init();
      }()) {}

CurlTransfer::~CurlTransfer() { curl_easy_cleanup(handle_); }

Result<TransferAnswer> CurlTransfer::get(const TransferRequest& request) {
  TransferAnswer answer;
  TRY_ASSIGN(answer.status, get(request, [&](std::span<const char> bytes) {
               if (answer.body.size() + bytes.size() > request.most_bytes) {
                 return Status(
                     Error{ErrorCode::kLimit,
                           fmt::format("the answer is larger than {} bytes: {}",
                                       request.most_bytes, request.url)});
               }
               answer.body.append(bytes.data(), bytes.size());
               return Status();
             }));
  if (!request.no_body) return answer;
  curl_off_t number = -1;
  curl_easy_getinfo(static_cast<CURL*>(handle_),
                    CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &number);
  answer.file_size = number;
  curl_easy_getinfo(static_cast<CURL*>(handle_), CURLINFO_FILETIME_T, &number);
  answer.file_time = number;
  return answer;
}

Result<long> CurlTransfer::get(
    const TransferRequest& request,
    const std::function<Status(std::span<const char>)>& write) {
  CURL* curl = handle_;
  if (curl == nullptr) {
    return Error{ErrorCode::kLimit, "no memory for a transfer"};
  }
  curl_easy_reset(curl);
  char detail[CURL_ERROR_SIZE] = {};
  Sink sink{write, {}};
  List headers = make_list(request.headers);
  List commands = make_list(request.commands);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps,sftp");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &request);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(request.timeout_ms));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 30L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTQUOTE, commands.get());
  if (!request.custom_request.empty()) {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST,
                     request.custom_request.c_str());
  }
  if (request.no_body) {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_FILETIME, 1L);
  }
  if (!request.form.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.form.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.form.c_str());
  }
  set_security(curl, request);
  CURLcode code = curl_easy_perform(curl);
  if (!sink.status) return sink.status.error();
  if (code != CURLE_OK) {
    const char* text = *detail != 0 ? detail : curl_easy_strerror(code);
    return Error{code_of(code), fmt::format("cannot be fetched ({}): {}",
                                            shorten(text), request.url)};
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::string url_escape(std::string_view text, bool path) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
                 c == '~' || (path && c == '/');
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace freshet
