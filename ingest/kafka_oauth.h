// Tokens for SASL OAUTHBEARER by an HTTPS request of our own (Debian's
// librdkafka has none built in): the client credentials grant of OAuth 2 (RFC
// 6749, 4.4).
#pragma once

#include <map>
#include <string>

#include "segments/result.h"
#include "segments/time.h"

namespace freshet {

struct KafkaOauth {
  std::string token_url;  // empty: no such tokens
  std::string client_id, client_secret;
  std::string scope;    // may be empty
  std::string ca_file;  // of the server's certificate; empty: the system's

  // By librdkafka's names for this: sasl.oauthbearer.method (oidc),
  // .token.endpoint.url, .client.id, .client.secret, .scope, https.ca.location.
  // Nothing to fetch without the method. kInvalid: one is missing, or the URL
  // is not https (http only on this machine).
  static Result<KafkaOauth> read(
      const std::map<std::string, std::string>& properties);
  // Whether it is one of these.
  static bool is_property(const std::string& name);
};

struct OauthToken {
  std::string token;
  Timestamp expires;
};

// Asks for a token now. kUnavailable: the server cannot be reached or answers
// with an error; kInvalid: its answer holds no token. No message has a secret.
Result<OauthToken> fetch_oauth_token(const KafkaOauth& settings);

}  // namespace freshet
