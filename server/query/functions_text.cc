// repeat, string_format, decode_base64_utf8, parse_long, and IP addresses.
#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>

#include "server/query/expression_type.h"
#include "server/query/function_table.h"

namespace freshet {
namespace {

constexpr ExpressionType kString{ValueType::kString};
constexpr ExpressionType kLong{ValueType::kLong};
constexpr ExpressionType kBool{ValueType::kBool};
constexpr size_t kMostRepeated = size_t{1} << 16;  // bytes

std::string_view text(const FunctionCall& call, size_t k, size_t i) {
  const Vector& v = call.argument(k);
  return v.strings[v.at(i)];
}

int64_t number(const FunctionCall& call, size_t k, size_t i) {
  const Vector& v = call.argument(k);
  return v.longs[v.at(i)];
}

// f(lane) for lanes whose arguments are all values.
template <class F>
std::shared_ptr<Vector> each_value(const FunctionCall& call, F f) {
  auto out = result_vector(call);
  for (size_t i = 0; i < call.size; ++i) {
    if (out->state(i) == kLaneValue) f(*out, i);
  }
  return out;
}

Result<ExpressionType> check_repeat(Expression& call) {
  call.arguments[0] = as_type(call.arguments[0], kString);
  TRY(expect(call, 1, kLong));
  return kString;
}

// A text of more than 64 kB is out of range: a block has thousands of them.
std::shared_ptr<Vector> evaluate_repeat(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view in = text(call, 0, i);
    size_t times =
        static_cast<size_t>(std::max<int64_t>(0, number(call, 1, i)));
    if (!in.empty() && times > kMostRepeated / in.size()) {
      out.need_states();
      out.states[i] = kLaneOverflow;
      return;
    }
    if (in.empty()) times = 0;
    char* to = call.context.arena.allocate(in.size() * times);
    for (size_t n = 0; n < times; ++n) {
      std::memcpy(to + n * in.size(), in.data(), in.size());
    }
    out.strings[i] = {to, in.size() * times};
  });
}

Result<ExpressionType> check_texts(Expression& call) {
  for (auto& argument : call.arguments) argument = as_type(argument, kString);
  return kString;
}

std::shared_ptr<Vector> evaluate_base64(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    std::string_view in = text(call, 0, i);
    std::string decoded;
    if (absl::Base64Unescape(absl::string_view(in.data(), in.size()),
                             &decoded)) {
      out.strings[i] = call.context.arena.copy(decoded);
    } else {
      out.set_null(i);
    }
  });
}

Result<ExpressionType> check_parse_long(Expression& call) {
  call.arguments[0] = as_type(call.arguments[0], kString);
  if (call.arguments.size() > 1) TRY(expect(call, 1, kLong));
  return kLong;
}

// parse_long(text[, radix]); null for what is no number.
std::optional<int64_t> parsed(std::string_view in, int64_t radix) {
  bool negative = in.starts_with('-');
  if (negative || in.starts_with('+')) in.remove_prefix(1);
  bool hex = radix == 16 && in.size() > 2 && in[0] == '0' &&
             absl::ascii_tolower(static_cast<unsigned char>(in[1])) == 'x';
  if (hex) in.remove_prefix(2);
  if (in.empty() || radix < 2 || radix > 36) return std::nullopt;
  int64_t value = 0;
  for (unsigned char c : in) {
    int64_t digit = absl::ascii_isdigit(c)   ? c - '0'
                    : absl::ascii_isalpha(c) ? absl::ascii_tolower(c) - 'a' + 10
                                             : 99;
    if (digit >= radix || __builtin_mul_overflow(value, radix, &value) ||
        __builtin_sub_overflow(value, digit, &value)) {
      return std::nullopt;
    }
  }
  if (negative) return value;
  if (__builtin_sub_overflow(int64_t{0}, value, &value)) return std::nullopt;
  return value;
}

std::shared_ptr<Vector> evaluate_parse_long(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    int64_t radix = call.arguments.size() > 1 ? number(call, 1, i) : 10;
    auto value = parsed(text(call, 0, i), radix);
    if (value) {
      out.longs[i] = *value;
    } else {
      out.set_null(i);
    }
  });
}

// string_format(pattern, values...): %s %d %f %x and %%, with flags, width and
// precision. Nulls are written as "null".
Result<ExpressionType> check_format(Expression& call) {
  call.arguments[0] = as_type(call.arguments[0], kString);
  return kString;
}

struct Directive {
  std::string flags;
  size_t width = 0;
  int precision = -1;
  char kind = 0;
};

// Reads what is after the '%'; false if it is none.
bool read_directive(std::string_view& in, Directive& out) {
  auto digits = [&](auto most) {
    decltype(most) value = 0;
    while (!in.empty() &&
           absl::ascii_isdigit(static_cast<unsigned char>(in[0]))) {
      value = std::min<decltype(most)>(
          most, value * 10 + static_cast<decltype(most)>(in[0] - '0'));
      in.remove_prefix(1);
    }
    return value;
  };
  while (!in.empty() &&
         std::string_view("-+ 0,").find(in[0]) != std::string_view::npos) {
    out.flags += in[0];
    in.remove_prefix(1);
  }
  out.width = digits(size_t{1000});
  if (in.starts_with('.')) {
    in.remove_prefix(1);
    out.precision = digits(100);
  }
  if (in.empty()) return false;
  out.kind = in[0];
  in.remove_prefix(1);
  return std::string_view("sSdfxX%").find(out.kind) != std::string_view::npos;
}

std::string body_of(const Directive& d, const Value& value) {
  if (value.is_null()) return "null";
  if (d.kind == 'f') {
    return fmt::format("{:.{}f}", value.to_double(),
                       d.precision < 0 ? 6 : d.precision);
  }
  if (d.kind == 'd' || d.kind == 'x' || d.kind == 'X') {
    constexpr double kMost = 9.2e18;
    const int64_t* whole = value.as_long();
    double real = value.to_double();
    if (!whole && !(real > -kMost && real < kMost)) return value.to_text();
    int64_t n = whole ? *whole : static_cast<int64_t>(real);
    if (d.kind == 'd') return std::to_string(n);
    uint64_t bits = static_cast<uint64_t>(n);
    return d.kind == 'x' ? fmt::format("{:x}", bits)
                         : fmt::format("{:X}", bits);
  }
  std::string out = value.to_text();
  if (d.precision >= 0 && out.size() > static_cast<size_t>(d.precision)) {
    out.resize(static_cast<size_t>(d.precision));
  }
  return out;
}

std::string written(const Directive& d, const Value& value) {
  std::string body = body_of(d, value);
  bool has = !value.is_null() && d.kind != 's' && d.kind != 'S';
  if (has && d.flags.find(',') != std::string::npos) {
    size_t end = std::min(body.find('.'), body.size());
    size_t begin = body.starts_with('-') ? 1 : 0;
    for (size_t i = end; i > begin + 3; i -= 3) body.insert(i - 3, ",");
  }
  if (has && d.flags.find('+') != std::string::npos && body[0] != '-') {
    body.insert(0, "+");
  }
  if (body.size() >= d.width) return body;
  size_t missing = d.width - body.size();
  if (d.flags.find('-') != std::string::npos) {
    return body.append(missing, ' ');
  }
  bool zeros = has && d.flags.find('0') != std::string::npos;
  bool sign = zeros && (body[0] == '-' || body[0] == '+');
  return body.insert(sign ? 1 : 0, missing, zeros ? '0' : ' ');
}

std::optional<std::string> formatted(std::string_view in,
                                     const FunctionCall& call, size_t lane) {
  std::string out;
  size_t next = 1;
  while (!in.empty()) {
    size_t at = std::min(in.find('%'), in.size());
    out += in.substr(0, at);
    in.remove_prefix(at);
    if (in.empty()) break;
    in.remove_prefix(1);
    Directive directive;
    if (!read_directive(in, directive)) return std::nullopt;
    if (directive.kind == '%') {
      out += '%';
      continue;
    }
    if (next >= call.arguments.size()) return std::nullopt;
    const Vector& v = call.argument(next++);
    out += written(directive, v.is_value(lane) ? v.value(lane) : Value());
    if (out.size() > kMostRepeated) return std::nullopt;
  }
  return out;
}

std::shared_ptr<Vector> evaluate_format(const FunctionCall& call) {
  auto out = make_vector(kString, call.size);
  for (size_t i = 0; i < call.size; ++i) {
    std::optional<std::string> made;
    if (call.argument(0).is_value(i))
      made = formatted(text(call, 0, i), call, i);
    if (made) {
      out->strings[i] = call.context.arena.copy(*made);
    } else {
      out->set_null(i);
    }
  }
  return out;
}

// IPv4 as a number; nothing for what is none.
std::optional<int64_t> ipv4_number(std::string_view in) {
  in_addr address;
  std::string terminated(in.substr(0, INET_ADDRSTRLEN));
  if (inet_pton(AF_INET, terminated.c_str(), &address) == 1) {
    return static_cast<int64_t>(ntohl(address.s_addr));
  }
  return std::nullopt;
}

constexpr int64_t kMostIpv4 = 0xFFFFFFFF;

Result<ExpressionType> check_ip(Expression& call) {
  ValueType type = call.arguments[0]->type.type;
  if (type != ValueType::kString && type != ValueType::kLong &&
      type != ValueType::kNull) {
    return type_error(call);
  }
  if (type == ValueType::kNull) {
    call.arguments[0] = as_type(call.arguments[0], kString);
  }
  if (call.arguments.size() > 1) {
    call.arguments[1] = as_type(call.arguments[1], kString);
  }
  if (call.name == "ipv4_parse") return kLong;
  return call.name == "ipv4_stringify" ? kString : kBool;
}

std::optional<int64_t> address_of(const FunctionCall& call, size_t i) {
  if (call.argument(0).type.type == ValueType::kString) {
    return ipv4_number(text(call, 0, i));
  }
  int64_t value = number(call, 0, i);
  bool fits = value >= 0 && value <= kMostIpv4;
  return fits ? std::optional(value) : std::nullopt;
}

std::shared_ptr<Vector> evaluate_ipv4_parse(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    if (auto address = address_of(call, i)) {
      out.longs[i] = *address;
    } else {
      out.set_null(i);
    }
  });
}

std::shared_ptr<Vector> evaluate_ipv4_stringify(const FunctionCall& call) {
  return each_value(call, [&](Vector& out, size_t i) {
    auto a = address_of(call, i);
    if (!a) return out.set_null(i);
    out.strings[i] = call.context.arena.copy(
        fmt::format("{}.{}.{}.{}", *a >> 24 & 255, *a >> 16 & 255,
                    *a >> 8 & 255, *a & 255));
  });
}

// The bytes of an address (IPv4 in the last four) and its bits after the '/'.
struct Block {
  std::array<unsigned char, 16> bytes{};
  int bits = 0;
};

std::optional<Block> block_of(std::string_view in, int family) {
  const int most = family == AF_INET ? 32 : 128;
  Block out;
  out.bits = most;
  size_t slash = in.find('/');
  if (slash != std::string_view::npos) {
    std::string count(in.substr(slash + 1));
    if (!absl::SimpleAtoi(count, &out.bits) || out.bits < 0 ||
        out.bits > most) {
      return std::nullopt;
    }
  }
  std::string address(in.substr(0, std::min(slash, in.size())));
  if (inet_pton(family, address.c_str(), out.bytes.data()) != 1) {
    return std::nullopt;
  }
  return out;
}

bool inside(const Block& address, const Block& block) {
  for (int bit = 0; bit < block.bits; ++bit) {
    unsigned char mask = static_cast<unsigned char>(0x80 >> (bit % 8));
    size_t byte = static_cast<size_t>(bit / 8);
    if ((address.bytes[byte] & mask) != (block.bytes[byte] & mask)) {
      return false;
    }
  }
  return true;
}

// ipv4_match(address, '10.0.0.0/8'), ipv6_match.
std::shared_ptr<Vector> evaluate_ip_match(const FunctionCall& call) {
  const int family = call.expression.name == "ipv6_match" ? AF_INET6 : AF_INET;
  return each_value(call, [&](Vector& out, size_t i) {
    std::optional<Block> address;
    if (call.argument(0).type.type == ValueType::kString) {
      address = block_of(text(call, 0, i), family);
    } else if (auto whole = address_of(call, i); whole && family == AF_INET) {
      address.emplace();
      uint32_t bytes = htonl(static_cast<uint32_t>(*whole));
      std::memcpy(address->bytes.data(), &bytes, sizeof(bytes));
    }
    auto block = block_of(text(call, 1, i), family);
    out.longs[i] = address && block && inside(*address, *block);
  });
}

constexpr Function kFunctions[] = {
    {"repeat", 2, 2, check_repeat, evaluate_repeat, true},
    {"string_format", 1, -1, check_format, evaluate_format, true},
    {"decode_base64_utf8", 1, 1, check_texts, evaluate_base64},
    {"parse_long", 1, 2, check_parse_long, evaluate_parse_long},
    {"ipv4_parse", 1, 1, check_ip, evaluate_ipv4_parse},
    {"ipv4_stringify", 1, 1, check_ip, evaluate_ipv4_stringify},
    {"ipv4_match", 2, 2, check_ip, evaluate_ip_match},
    {"ipv6_match", 2, 2, check_ip, evaluate_ip_match},
};

}  // namespace

std::span<const Function> text_functions() { return kFunctions; }

}  // namespace freshet
