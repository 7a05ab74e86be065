// Posting to a real socket, and the addresses that are never posted to.
#include <doctest/doctest.h>

#include "server/alert/contact_address.h"
#include "server/alert/contact_point.h"
#include "tests/server/alert/alert_support.h"

namespace freshet {
namespace {

const std::atomic<bool> kGo{false};

ErrorCode code_of(const Status& status) {
  REQUIRE_FALSE(status.has_value());
  return status.error().code;
}

TEST_CASE("public addresses and all others") {
  for (const char* yes : {"8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1",
                          "2606:4700:4700::1111", "::ffff:8.8.8.8",
                          "64:ff9b::808:808", "2002:808:808::1"}) {
    CAPTURE(yes);
    CHECK(is_public_address(std::string(yes)));
  }
  for (const char* no : {"127.0.0.1",
                         "127.9.9.9",
                         "0.0.0.0",
                         "10.1.2.3",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.168.1.1",
                         "169.254.169.254",
                         "100.64.0.1",
                         "198.18.0.1",
                         "224.0.0.1",
                         "255.255.255.255",
                         "::1",
                         "::",
                         "fe80::1",
                         "fd00::1",
                         "fc00::1",
                         "ff02::1",
                         "::ffff:127.0.0.1",
                         "::ffff:169.254.169.254",
                         "::127.0.0.1",
                         "64:ff9b::7f00:1",
                         "2002:7f00:1::1",
                         "2002:a9fe:a9fe::",
                         "2001:db8::1",
                         "2001::1",
                         "",
                         "localhost",
                         "1.2.3"}) {
    CAPTURE(no);
    CHECK_FALSE(is_public_address(std::string(no)));
  }
}

TEST_CASE("what the receiver answers decides on another try") {
  Receiver receiver;
  ContactModel contact = test_contact(receiver.url("/hook"));
  contact.headers = {{"X-Key", "k"}, {"X-Bad", "a\r\nX-More: b"}};
  CHECK(post_notification(contact, "{\"a\":1}", kGo).has_value());
  CHECK(receiver.bodies(1) == std::vector<std::string>{"{\"a\":1}"});
  for (int status : {500, 503, 429, 408}) {
    receiver.answer_with(status);
    CHECK(code_of(post_notification(contact, "{}", kGo)) ==
          ErrorCode::kUnavailable);
  }
  for (int status : {400, 404, 307}) {
    receiver.answer_with(status);
    CHECK(code_of(post_notification(contact, "{}", kGo)) ==
          ErrorCode::kInvalid);
  }
  CHECK(receiver.bodies(8).size() == 8);  // the redirect was not followed
  receiver.answer_with(200);
  contact.kind = "alertmanager";
  contact.url = receiver.url("/");
  CHECK(post_notification(contact, "[]", kGo).has_value());
  ContactModel nobody = test_contact("http://127.0.0.1:1/");
  CHECK(code_of(post_notification(nobody, "{}", kGo)) ==
        ErrorCode::kUnavailable);
}

TEST_CASE("addresses of one's own network are refused unless allowed") {
  Receiver receiver;
  std::string port = receiver.url("").substr(17);
  CAPTURE(port);
  for (std::string host :
       {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1",
        "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "0", "127.0.0.1.",
        "user@127.0.0.1", "169.254.169.254", "10.0.0.1"}) {
    ContactModel contact =
        test_contact("http://" + host + ":" + port + "/hook");
    contact.allow_private = false;
    CAPTURE(contact.url);
    Status status = post_notification(contact, "{}", kGo);
    REQUIRE_FALSE(status.has_value());
    // Names that the resolver does not take are as good as refused.
    CHECK((status.error().code == ErrorCode::kForbidden ||
           status.error().message.find("resolve") != std::string::npos));
    // The URL may hold a secret.
    CHECK(status.error().message.find("/hook") == std::string::npos);
  }
  CHECK(receiver.bodies(1, 0.1).empty());
  for (std::string url : {"file:///etc/passwd", "gopher://127.0.0.1/",
                          "ftp://x", "dict://127.0.0.1:1/", "", "http://"}) {
    CAPTURE(url);
    CHECK(code_of(post_notification(test_contact(url), "{}", kGo)) ==
          ErrorCode::kInvalid);
  }
}

}  // namespace
}  // namespace freshet
