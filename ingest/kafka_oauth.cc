#include "ingest/kafka_oauth.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ingest/curl_transfer.h"
#include "ingest/field_value.h"
#include "ingest/json_tree.h"

namespace freshet {
namespace {

constexpr int64_t kTimeoutMs = 10'000;
// If the server does not say: RFC 6749 leaves it open.
constexpr int64_t kDefaultSeconds = 300;
constexpr int64_t kMostSeconds = int64_t{366} * 86'400;

Result<OauthToken> read_token(const KafkaOauth& settings,
                              const std::string& body) {
  JsonTree json;
  EventTree tree;
  Error bad = invalid("the token server's answer holds no token: " +
                      settings.token_url);
  if (!json.read(body, tree)) return bad;
  const EventNode* token = tree.child(*tree.root(), "access_token");
  if (token == nullptr || token->kind != EventNode::Kind::kText ||
      token->text.empty()) {
    return bad;
  }
  int64_t seconds = kDefaultSeconds;
  const EventNode* expires = tree.child(*tree.root(), "expires_in");
  if (expires != nullptr && !expires->is_null() &&
      (!parse_exact(expires->text, 0, true, seconds) || seconds <= 0 ||
       seconds > kMostSeconds)) {
    return invalid("the token server's expires_in is no number of seconds: " +
                   shorten(expires->text));
  }
  return OauthToken{std::string(token->text),
                    Timestamp{now().ms + seconds * 1000}};
}

}  // namespace

bool KafkaOauth::is_property(const std::string& name) {
  return name == "https.ca.location" || name == "sasl.oauthbearer.method" ||
         name.starts_with("sasl.oauthbearer.client.") ||
         name == "sasl.oauthbearer.scope" ||
         name == "sasl.oauthbearer.token.endpoint.url";
}

Result<KafkaOauth> KafkaOauth::read(
    const std::map<std::string, std::string>& properties) {
  auto value = [&](const std::string& name) {
    auto found = properties.find(name);
    return found == properties.end() ? std::string() : found->second;
  };
  KafkaOauth oauth;
  std::string method = value("sasl.oauthbearer.method");
  if (method.empty()) return oauth;
  if (method != "oidc") {
    return invalid("Kafka property sasl.oauthbearer.method can only be oidc");
  }
  oauth.token_url = value("sasl.oauthbearer.token.endpoint.url");
  oauth.client_id = value("sasl.oauthbearer.client.id");
  oauth.client_secret = value("sasl.oauthbearer.client.secret");
  oauth.scope = value("sasl.oauthbearer.scope");
  oauth.ca_file = value("https.ca.location");
  for (const char* name :
       {"token.endpoint.url", "client.id", "client.secret"}) {
    if (!value(std::string("sasl.oauthbearer.") + name).empty()) continue;
    return invalid(std::string("Kafka property is missing: sasl.oauthbearer.") +
                   name);
  }
  bool safe = std::ranges::any_of(
      std::array{"https://", "http://127.0.0.1:", "http://localhost:"},
      [&](const char* begin) { return oauth.token_url.starts_with(begin); });
  if (safe) return oauth;
  return invalid(
      "Kafka property sasl.oauthbearer.token.endpoint.url must begin with "
      "https://");
}

Result<OauthToken> fetch_oauth_token(const KafkaOauth& settings) {
  TransferRequest request;
  request.url = settings.token_url;
  // RFC 6749, 2.3.1: both are form-encoded before the header is made of them.
  request.user = url_escape(settings.client_id, false);
  request.password = url_escape(settings.client_secret, false);
  request.ca_file = settings.ca_file;
  request.timeout_ms = kTimeoutMs;
  request.headers = {"Accept: application/json"};
  request.form = "grant_type=client_credentials";
  if (!settings.scope.empty()) {
    request.form += "&scope=" + url_escape(settings.scope, false);
  }
  CurlTransfer transfer;
  TRY_ASSIGN(TransferAnswer answer, transfer.get(request));
  if (answer.status != 200) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("the token server answers {}: {}", answer.status,
                             settings.token_url)};
  }
  return read_token(settings, answer.body);
}

}  // namespace freshet
