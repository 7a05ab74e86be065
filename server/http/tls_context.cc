#include "server/http/tls_context.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "server/http/http_server.h"

namespace freshet {

namespace ssl = boost::asio::ssl;

Result<std::shared_ptr<ssl::context>> load_tls_context(
    const std::string& certificate, const std::string& key) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds |
                           ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 |
                           ssl::context::no_compression,
                       error);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->use_certificate_chain_file(certificate, error);
  if (error) {
    return invalid(fmt::format("the TLS certificate cannot be used, {}: {}",
                               error.message(), certificate));
  }
  context->use_private_key_file(key, ssl::context::pem, error);
  if (!error && !SSL_CTX_check_private_key(context->native_handle())) {
    return invalid("the TLS key does not fit the certificate: " + key);
  }
  if (error) {
    return invalid(fmt::format("the TLS key cannot be used, {}: {}",
                               error.message(), key));
  }
  return context;
}

Status check_tls_files(const std::string& certificate, const std::string& key) {
  TRY_ASSIGN(auto context, load_tls_context(certificate, key));
  return {};
}

std::string file_stamp(const std::string& certificate, const std::string& key) {
  std::string stamp;
  for (const std::string& path : {certificate, key}) {
    struct stat info{};
    // A Kubernetes secret is renewed by moving a link: stat follows it.
    if (stat(path.c_str(), &info) != 0) return "";
    stamp += fmt::format("{}.{}.{}.{} ", info.st_mtim.tv_sec,
                         info.st_mtim.tv_nsec, info.st_ino, info.st_size);
  }
  return stamp;
}

}  // namespace freshet
