// TLS with a certificate made here.
#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tests/server/http/http_client.h"

namespace freshet {
namespace {

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

// A folder with c.pem and k.pem, self-signed for localhost.
class Pem {
 public:
  Pem() {
    char name[] = "/tmp/freshet-tls-XXXXXX";
    REQUIRE(mkdtemp(name));
    folder_ = name;
    Key key(EVP_EC_gen("P-256"));
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(
        subject, "CN", MBSTRING_ASC,
        reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    FILE* out = fopen(this->certificate().c_str(), "w");
    PEM_write_X509(out, certificate.get());
    fclose(out);
    out = fopen(this->key().c_str(), "w");
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    fclose(out);
  }
  ~Pem() { std::filesystem::remove_all(folder_); }
  std::string certificate() const { return folder_ + "/c.pem"; }
  std::string key() const { return folder_ + "/k.pem"; }

 private:
  std::string folder_;
};

// One exchange over TLS of at most `version`; "" if there is no handshake.
std::string ask_tls(uint16_t port, int version, const std::string& request) {
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(
      SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_set_min_proto_version(context.get(), 0);
  SSL_CTX_set_security_level(context.get(), 0);
  Client socket(port);
  std::unique_ptr<SSL, Freed<SSL_free>> tls(SSL_new(context.get()));
  SSL_set_fd(tls.get(), socket.descriptor());
  if (SSL_connect(tls.get()) != 1) return "";
  SSL_write(tls.get(), request.data(), static_cast<int>(request.size()));
  std::string text;
  char part[4096];
  int n;
  while ((n = SSL_read(tls.get(), part, sizeof part)) > 0) {
    text.append(part, static_cast<size_t>(n));
  }
  return text;
}

HttpServerSettings with_tls(const Pem& pem) {
  HttpServerSettings settings;
  settings.tls_certificate = pem.certificate();
  settings.tls_key = pem.key();
  return settings;
}

TEST_CASE("TLS 1.2 and 1.3, nothing older, nothing plain") {
  Pem pem;
  Router router = test_router();
  auto server = start_test_server(router, with_tls(pem));
  std::string request = get("/hello") + get("/big", "Connection: close\r\n");
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    std::string text = ask_tls(server->port(), version, request);
    CHECK(text.starts_with("HTTP/1.1 200 OK"));
    CHECK(text.find("Strict-Transport-Security: ") != std::string::npos);
    CHECK(text.find("{\"hello\":1}") != std::string::npos);
    CHECK(text.size() > 100'000);
  }
  CHECK(ask_tls(server->port(), TLS1_1_VERSION, request) == "");
  CHECK(ask(server->port(), get("/hello")).status == 0);
}

TEST_CASE("files that are no certificate or key") {
  Pem pem, other;
  Router router = test_router();
  auto start = [&](std::string certificate, std::string key) {
    HttpServerSettings settings;
    settings.listen = "127.0.0.1:0";
    settings.tls_certificate = certificate;
    settings.tls_key = key;
    return HttpServer::start(settings, router, nullptr, nullptr);
  };
  CHECK(start(pem.certificate(), pem.key()).has_value());
  for (auto [certificate, key] :
       {std::pair{pem.key(), pem.key()},
        std::pair{pem.certificate(), other.key()},
        std::pair{pem.certificate(), pem.certificate()},
        std::pair{pem.certificate(), std::string("/nothing/here")}}) {
    auto server = start(certificate, key);
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().code == ErrorCode::kInvalid);
    CHECK(server.error().message.find("TLS") != std::string::npos);
  }
}

}  // namespace
}  // namespace freshet
