#include "ingest/csv.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "ingest/field_targets.h"
#include "ingest/field_value.h"

namespace freshet {
namespace {

// Reads the quoted field that starts at record[at] == '"'; at moves behind it.
Status read_quoted(std::string_view record, size_t& at, CsvField& field,
                   std::vector<std::string>& unquoted) {
  std::string text;
  bool doubled = false;
  size_t begin = ++at;
  for (;; ++at) {
    size_t quote = record.find('"', at);
    if (quote == std::string_view::npos) {
      return invalid("a quoted field does not end: " +
                     shorten(record.substr(begin)));
    }
    bool last = quote + 1 == record.size() || record[quote + 1] != '"';
    if (last && !doubled) {
      field.text = record.substr(begin, quote - begin);
      at = quote + 1;
      return {};
    }
    text.append(record.substr(at, quote - at));
    if (last) break;
    text += '"';
    doubled = true;
    at = quote + 1;  // and ++at: behind both quotes
  }
  at = record.find('"', at) + 1;
  unquoted.push_back(std::move(text));
  field.text = unquoted.back();
  return {};
}

class CsvDecoder final : public Decoder {
 public:
  // `many`: a message may hold several records.
  CsvDecoder(DecoderSpec spec, const std::vector<std::string>& header,
             bool many)
      : delimiter_(spec.csv_delimiter),
        many_(many),
        targets_(std::move(spec)),
        columns_(header.size()) {
    for (size_t i = 0; i < header.size(); ++i) {
      for (size_t t = 0; t < targets_.size(); ++t) {
        if (targets_.in_value(t) && targets_.path(t) == header[i]) {
          columns_[i].push_back(t);
        }
      }
    }
  }

  using Decoder::decode;
  void decode(std::span<const RawMessage> messages, ColumnBatch& batch,
              Decoded& decoded) override {
    for (uint32_t i = 0; i < messages.size(); ++i) {
      if (messages[i].null_value) {
        ++decoded.ignored;
        continue;
      }
      size_t before = batch.num_rows();
      if (!decode_message(messages[i], batch)) {
        batch.abandon_row();
        batch.truncate(before);
        decoded.rejections.push_back(
            {i, targets_.reason(), targets_.take_text()});
        continue;
      }
      decoded.row_messages.resize(batch.num_rows(), i);
      decoded.ignored += batch.num_rows() == before;
    }
  }

 private:
  bool decode_message(const RawMessage& message, ColumnBatch& batch);
  bool decode_one(std::string_view record, ColumnBatch& batch);

  const char delimiter_;
  const bool many_;
  FieldTargets targets_;
  std::vector<std::vector<size_t>> columns_;  // targets by place in the header
  std::vector<CsvField> fields_;
  std::vector<std::string> unquoted_;
};

bool CsvDecoder::decode_message(const RawMessage& message, ColumnBatch& batch) {
  targets_.begin_message(message);
  std::string_view text = without_byte_order_mark(message.value);
  if (text.size() > kMaxEventBytes) {
    return targets_.reject("too_large",
                           fmt::format("the record is larger than {} bytes: {}",
                                       kMaxEventBytes, text.size()));
  }
  if (!is_utf8(text)) {
    return targets_.reject("not_csv", "the record is not UTF-8");
  }
  if (!many_) return decode_one(text, batch);
  size_t rows = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = csv_record_end(text, at, delimiter_, true);
    std::string_view record = text.substr(at, end - at);
    at = end;
    if (without_line_end(record).empty()) continue;
    if (++rows > kMaxMessageRows) {
      return targets_.reject(
          "too_large",
          fmt::format("the message has more than {} records", kMaxMessageRows));
    }
    if (!decode_one(record, batch)) return false;
  }
  return rows > 0 || targets_.reject("not_csv", "the message is empty");
}

bool CsvDecoder::decode_one(std::string_view record, ColumnBatch& batch) {
  targets_.begin();
  auto split = split_csv_record(record, fields_, unquoted_, delimiter_);
  if (!split) return targets_.reject("not_csv", split.error().message);
  if (fields_.size() != columns_.size()) {
    return targets_.reject(
        "not_csv", fmt::format("the record has not the {} fields of the "
                               "header: {}",
                               columns_.size(), fields_.size()));
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].null || columns_[i].empty()) continue;
    std::string_view text = batch.keep(fields_[i].text);
    for (size_t target : columns_[i]) {
      if (!targets_.put(target, text, batch)) return false;
    }
  }
  if (!targets_.finish(batch)) return false;
  batch.commit_row();
  return true;
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

Status read_header(std::string_view record, std::vector<CsvField>& header,
                   std::vector<std::string>& unquoted, char delimiter = ',') {
  record = without_byte_order_mark(record);
  TRY(split_csv_record(record, header, unquoted, delimiter));
  absl::flat_hash_map<std::string, int> seen;
  for (const CsvField& field : header) {
    if (++seen[std::string(trim(field.text))] > 1) {
      return invalid("the CSV header names a field twice: " +
                     shorten(field.text));
    }
  }
  return {};
}

// Where the first field at or behind `at`, a field's beginning, is that begins
// with a quote before `end`, or npos.
size_t next_quoted_field(std::string_view text, size_t at, size_t end,
                         char delimiter) {
  std::string_view line = text.substr(at, end == text.npos ? end : end - at);
  if (line.starts_with('"')) return at;
  const char opening[] = {delimiter, '"'};
  size_t found = line.find(std::string_view(opening, 2));
  return found == line.npos ? text.npos : at + found + 1;
}

// Position behind the closing quote of the field at `quote`, npos without one.
size_t behind_quoted_field(std::string_view text, size_t quote) {
  for (size_t at = quote + 1;; at += 2) {
    at = text.find('"', at);
    if (at == text.npos) return at;
    if (at + 1 == text.size() || text[at + 1] != '"') return at + 1;
  }
}

}  // namespace

std::string_view without_line_end(std::string_view record) {
  if (record.ends_with('\n')) record.remove_suffix(1);
  if (record.ends_with('\r')) record.remove_suffix(1);
  return record;
}

size_t csv_record_end(std::string_view text, size_t from, char delimiter,
                      bool whole) {
  size_t line = text.find('\n', from);
  const size_t line_end = line != text.npos ? line + 1
                          : whole           ? text.size()
                                            : text.npos;
  size_t end = line_end;  // of the line on which the field begins
  for (size_t at = from;;) {
    // Without another quoted field on this line it is the last one.
    size_t quote = next_quoted_field(text, at, end, delimiter);
    if (quote == text.npos) return end;
    at = behind_quoted_field(text, quote);
    if (at == text.npos) return whole ? line_end : at;
    if (at >= text.size()) return whole ? text.size() : text.npos;
    size_t more = text.substr(at).starts_with("\r\n") ? 2
                  : text[at] == '\n'                  ? 1
                                                      : 0;
    if (more > 0) return at + more;
    if (text[at] == '\r' && at + 1 == text.size() && !whole) return text.npos;
    if (text[at] != delimiter) return line_end;
    ++at;
    end = text.find('\n', at);
    if (end != text.npos) {
      ++end;
    } else if (whole) {
      end = text.size();
    }
  }
}

Status split_csv_record(std::string_view record, std::vector<CsvField>& fields,
                        std::vector<std::string>& unquoted, char delimiter) {
  record = without_line_end(record);
  fields.clear();
  unquoted.clear();
  // Views into `unquoted` must not move: there are fewer than commas + 1.
  unquoted.reserve(
      static_cast<size_t>(std::count(record.begin(), record.end(), '"') / 2));
  for (size_t at = 0;; ++at) {
    CsvField field;
    if (at < record.size() && record[at] == '"') {
      TRY(read_quoted(record, at, field, unquoted));
    } else {
      size_t end = std::min(record.find(delimiter, at), record.size());
      field.text = record.substr(at, end - at);
      field.null = field.text.empty();
      at = end;
    }
    fields.push_back(field);
    if (at >= record.size()) return {};
    if (record[at] != delimiter) {
      return invalid("text behind a quoted field: " +
                     shorten(record.substr(at)));
    }
  }
}

Result<std::vector<std::string>> csv_header(std::string_view header,
                                            char delimiter) {
  std::vector<CsvField> fields;
  std::vector<std::string> unquoted;
  TRY(read_header(header, fields, unquoted, delimiter));
  std::vector<std::string> names;
  for (const CsvField& field : fields) names.emplace_back(trim(field.text));
  return names;
}

Status check_csv_header(const std::vector<std::string>& header,
                        const DecoderSpec& spec, std::string_view what,
                        std::string_view dataset) {
  auto named = [&](const std::string& path) {
    return std::ranges::find(header, path) != header.end();
  };
  bool fields = false, found = false;
  for (const FieldSpec& field : spec.fields) {
    if (!field.message.empty()) continue;
    fields = true;
    found |= named(field.path);
  }
  const bool time = !spec.time.from_message && named(spec.time.path);
  const bool enough = fields ? found : time || spec.time.from_message;
  if (enough) return {};
  return invalid(fmt::format(
      "{} names no column of {}{}, so it is not loaded (is the header line "
      "missing, or the delimiter another one?): {}",
      what, dataset, time ? " but its time" : "",
      shorten(fmt::format("{}", fmt::join(header, ", ")))));
}

Result<std::unique_ptr<Decoder>> make_csv_decoder(DecoderSpec spec,
                                                  std::string_view header) {
  TRY_ASSIGN(auto names, csv_header(header, spec.csv_delimiter));
  return std::unique_ptr<Decoder>(
      std::make_unique<CsvDecoder>(std::move(spec), names, false));
}

Result<std::unique_ptr<Decoder>> make_csv_stream_decoder(DecoderSpec spec) {
  std::vector<std::string> names = spec.csv_fields;
  if (names.empty()) return invalid("CSV without a header needs 'fields'");
  std::ranges::sort(names);
  auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) {
    return invalid("a CSV field stands twice: " + shorten(*twice));
  }
  names = spec.csv_fields;
  return std::unique_ptr<Decoder>(
      std::make_unique<CsvDecoder>(std::move(spec), names, true));
}

namespace {

std::string_view take_record(std::string_view& body) {
  std::string_view record = body.substr(0, csv_record_end(body, 0, ',', true));
  body.remove_prefix(record.size());
  return record;
}

// Makes an event of the fields of each record behind the header line by
// `make`; keeps apart those that are at fault.
template <class Make>
Result<CsvEvents> each_record(std::string_view body, const Make& make) {
  CsvEvents out;
  std::vector<CsvField> header, fields;
  std::vector<std::string> header_text, unquoted;
  if (body.empty()) return out;
  const char* begin = body.data();
  std::string_view head = take_record(body);
  TRY(read_header(head, header, header_text));
  for (const CsvField& field : header)
    out.header.emplace_back(trim(field.text));
  while (!body.empty()) {
    std::string_view record = take_record(body);
    if (trim(record).empty()) continue;
    out.begins.push_back(static_cast<size_t>(record.data() - begin));
    auto split = split_csv_record(record, fields, unquoted);
    if (split && fields.size() == header.size()) {
      out.events.push_back(make(header, fields));
      continue;
    }
    out.faults.emplace_back(
        out.events.size(),
        split ? fmt::format("the record has {} fields, the header {}",
                            fields.size(), header.size())
              : split.error().message);
    out.events.push_back(fmt::format("{}\n{}", without_line_end(head),
                                     without_line_end(record)));
  }
  return out;
}

void append_csv_text(std::string& out, std::string_view text, char delimiter) {
  bool quoted = text.empty() ||
                text.find_first_of("\"\r\n") != std::string_view::npos ||
                text.find(delimiter) != std::string_view::npos;
  if (!quoted) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

// A member of the JSON object that a record becomes.
struct CsvMember {
  std::string name;
  std::optional<size_t> field;  // of the record; without one an object
  std::vector<CsvMember> members;
};

void place_field(std::vector<CsvMember>& members, std::string_view path,
                 size_t field) {
  size_t dot = path.find('.');
  std::string name(path.substr(0, dot));
  if (dot == path.npos) {
    members.push_back({std::move(name), field, {}});
    return;
  }
  auto object = std::ranges::find_if(members, [&](const CsvMember& one) {
    return !one.field && one.name == name;
  });
  if (object == members.end()) {
    object = members.insert(object, {std::move(name), std::nullopt, {}});
  }
  place_field(object->members, path.substr(dot + 1), field);
}

// Names that no path asks for are members as they stand.
std::vector<CsvMember> members_of(const std::vector<CsvField>& header,
                                  const std::vector<std::string>& paths) {
  std::vector<CsvMember> members;
  for (size_t i = 0; i < header.size(); ++i) {
    std::string_view name = trim(header[i].text);
    if (std::ranges::find(paths, name) != paths.end()) {
      place_field(members, name, i);
    } else {
      members.push_back({std::string(name), i, {}});
    }
  }
  return members;
}

void append_json_object(const std::vector<CsvMember>& members,
                        const std::vector<CsvField>& fields, std::string& out) {
  out += '{';
  bool first = true;
  for (const CsvMember& member : members) {
    if (member.field && fields[*member.field].null) continue;
    if (!first) out += ',';
    first = false;
    append_json_text(out, member.name);
    out += ':';
    if (member.field) {
      append_json_text(out, fields[*member.field].text);
    } else {
      append_json_object(member.members, fields, out);
    }
  }
  out += '}';
}

}  // namespace

Result<CsvEvents> csv_to_json_events(std::string_view body,
                                     const std::vector<std::string>& paths) {
  std::vector<CsvMember> members;
  return each_record(body, [&](const std::vector<CsvField>& header,
                               const std::vector<CsvField>& fields) {
    if (members.empty()) members = members_of(header, paths);
    std::string event;
    append_json_object(members, fields, event);
    return event;
  });
}

Result<CsvEvents> csv_to_records(std::string_view body,
                                 const std::vector<std::string>& names,
                                 char delimiter) {
  return each_record(body, [&](const std::vector<CsvField>& header,
                               const std::vector<CsvField>& fields) {
    std::string record;
    for (size_t n = 0; n < names.size(); ++n) {
      if (n > 0) record += delimiter;
      for (size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].null || trim(header[i].text) != names[n]) continue;
        append_csv_text(record, fields[i].text, delimiter);
      }
    }
    return record;
  });
}

}  // namespace freshet
