// RequestParser: bytes of a connection -> one request. Beast's parser behind
// limits of ours; never blocks, owns no I/O.
//
// Call order: read_head* (limit_body read_body* take_body)?
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "server/http/request_head.h"

namespace freshet {

class RequestParser {
 public:
  static constexpr size_t kMaxHead = 16 << 10;
  static constexpr size_t kMaxHeaders = 100;

  enum class Progress { kMore, kDone, kFailed };

  RequestParser();
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;

  // Takes bytes from the front of `bytes` and says how many in `used`; with
  // kMore, the rest is wanted again with more behind it.
  Progress read_head(std::string_view bytes, size_t& used);
  // REQUIRES: read_head said kDone.
  const RequestHead& head() const { return head_; }

  void limit_body(size_t max_bytes);
  Progress read_body(std::string_view bytes, size_t& used);
  size_t body_size() const;
  std::string take_body();

  // After kFailed.
  const Refusal& refusal() const { return refusal_; }

 private:
  struct Parser;
  Progress fail(int status, ErrorCode code, std::string message);
  Progress collect_head();
  bool is_folded(std::string_view head);

  std::unique_ptr<Parser> parser_;
  RequestHead head_;
  Refusal refusal_;
  bool at_line_start_ = false;  // of the head, after what was read so far
};

}  // namespace freshet
