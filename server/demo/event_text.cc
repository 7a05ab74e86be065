#include "server/demo/event_text.h"

#include <absl/time/time.h>

#include "server/json/json_writer.h"

namespace freshet {

constexpr int64_t kDayMs = 86'400'000;

void TimeText::append_iso(std::string& out, Timestamp t) {
  int64_t day = t.ms / kDayMs - (t.ms % kDayMs < 0 ? 1 : 0);
  if (day != day_) {
    day_ = day;
    date_ = "\"" + to_iso8601(Timestamp{day * kDayMs}).substr(0, 11);
  }
  auto rest = static_cast<uint64_t>(t.ms - day * kDayMs);
  out += date_;
  append_digits(out, rest / 3'600'000, 2);
  out.push_back(':');
  append_digits(out, rest / 60'000 % 60, 2);
  out.push_back(':');
  append_digits(out, rest / 1000 % 60, 2);
  out.push_back('.');
  append_digits(out, rest % 1000, 3);
  out += "Z\"";
}

void TimeText::append(std::string& out, Timestamp t) {
  if (format_.empty() || format_ == "auto" || format_ == "iso") {
    append_iso(out, t);
  } else if (format_ == "millis") {
    append_int(out, t.ms);
  } else if (format_ == "seconds") {
    append_int(out, t.ms / 1000);
  } else {
    JsonWriter json;
    json.value(absl::FormatTime(format_, absl::FromUnixMillis(t.ms),
                                absl::UTCTimeZone()));
    out += json.text();
  }
}

}  // namespace freshet
