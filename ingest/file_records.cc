#include "ingest/file_records.h"

#include <fmt/format.h>

#include <deque>
#include <optional>

#include "ingest/csv.h"
#include "ingest/field_value.h"
#include "ingest/file_reader.h"
#include "ingest/xml_decoder.h"
#include "ingest/xml_records.h"

namespace freshet {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr size_t kMaxRecordBytes = 64 << 20;

// Cuts the text of a file into records: lines, or CSV records. What looks like
// a CSV record beyond kMaxRecordBytes has a broken quote.
class TextRecords final : public Records {
 public:
  // `delimiter` is that of CSV records.
  TextRecords(std::unique_ptr<FileReader> file, std::optional<char> delimiter)
      : file_(std::move(file)), delimiter_(delimiter) {}

  Status next(std::vector<std::string_view>& records, size_t most) override {
    records.clear();
    lines_.clear();
    while (records.empty()) {
      cut(records, most);
      if (!records.empty() || (ended_ && begin_ == text_.size())) break;
      if (text_.size() - begin_ > kMaxRecordBytes) {
        return Error{ErrorCode::kLimit,
                     fmt::format("a record of the file is larger than {} bytes",
                                 kMaxRecordBytes)};
      }
      TRY(fill());
    }
    return {};
  }
  int64_t place(size_t i) const override { return lines_[i]; }
  const char* place_name() const override { return "line"; }
  uint64_t bytes_read() const override { return file_->file_bytes(); }

 private:
  Status fill() {
    text_.erase(0, begin_);
    begin_ = 0;
    size_t size = text_.size();
    text_.resize(size + kReadBytes);
    TRY_ASSIGN(size_t count,
               file_->read(std::span(text_.data() + size, kReadBytes)));
    text_.resize(size + count);
    ended_ = count == 0;
    if (!started_ && text_.size() >= 3) {
      started_ = true;
      if (text_.starts_with("\xEF\xBB\xBF")) begin_ = 3;
    }
    return {};
  }

  void cut(std::vector<std::string_view>& records, size_t most) {
    std::string_view text(text_);
    while (records.size() < most && begin_ < text.size()) {
      size_t end = record_end(text);
      if (end == std::string_view::npos) return;
      std::string_view whole = text.substr(begin_, end - begin_);
      begin_ = end;
      if (!trim(whole).empty()) {
        // Blanks may be a field, and a tab end an empty one.
        records.push_back(delimiter_ ? without_line_end(whole) : trim(whole));
        lines_.push_back(line_);
      }
      line_ += count_line_ends(whole);
    }
  }

  // npos: the record goes on in what was not read yet.
  size_t record_end(std::string_view text) const {
    if (delimiter_ && !ended_ && text.size() - begin_ > kMaxRecordBytes) {
      size_t end = csv_record_end(text, begin_, *delimiter_, true);
      return end < text.size() ? end : text.npos;
    }
    if (delimiter_) return csv_record_end(text, begin_, *delimiter_, ended_);
    size_t at = text.find('\n', begin_);
    if (at != text.npos) return at + 1;
    return ended_ ? text.size() : text.npos;
  }

  const std::unique_ptr<FileReader> file_;
  const std::optional<char> delimiter_;
  std::string text_;
  size_t begin_ = 0;
  int64_t line_ = 0;            // of begin_, in the file
  std::vector<int64_t> lines_;  // of the records given by the last next()
  bool started_ = false;
  bool ended_ = false;
};

// Records of one XML document, as JSON.
class XmlFileRecords final : public Records {
 public:
  static Result<std::unique_ptr<Records>> make(std::unique_ptr<FileReader> file,
                                               std::string_view path) {
    auto records = std::make_unique<XmlFileRecords>();
    records->file_ = std::move(file);
    auto* into = &records->read_;
    TRY_ASSIGN(records->xml_, XmlRecords::make(path, [into](EventTree& record,
                                                            EventTree& around) {
                 into->push_back(xml_record_json(record, around));
                 return Status();
               }));
    return std::unique_ptr<Records>(std::move(records));
  }

  Status next(std::vector<std::string_view>& records, size_t most) override {
    records.clear();
    given_.clear();
    while (read_.size() < most && !ended_) {
      TRY_ASSIGN(size_t count, file_->read(block_));
      ended_ = count == 0;
      Status pushed = xml_->push({block_.data(), count}, ended_);
      if (!pushed) {
        return Error{pushed.error().code,
                     "the file is not XML: " + pushed.error().message};
      }
    }
    first_ = next_;
    while (given_.size() < most && !read_.empty()) {
      given_.push_back(std::move(read_.front()));
      read_.pop_front();
    }
    for (const std::string& record : given_) records.push_back(record);
    next_ += static_cast<int64_t>(given_.size());
    return {};
  }
  int64_t place(size_t i) const override {
    return first_ + static_cast<int64_t>(i);
  }
  const char* place_name() const override { return "record"; }
  uint64_t bytes_read() const override { return file_->file_bytes(); }

 private:
  std::unique_ptr<FileReader> file_;
  std::unique_ptr<XmlRecords> xml_;
  std::vector<char> block_ = std::vector<char>(64 << 10);
  std::deque<std::string> read_;
  std::vector<std::string> given_;  // by the last next()
  int64_t first_ = 0, next_ = 0;    // numbers of the first one of these, and of
                                    // the one behind
  bool ended_ = false;
};

std::string format_of(const std::string& name, const DecoderSpec& spec) {
  if (name.ends_with(".csv") || name.ends_with(".tsv")) return "csv";
  if (name.ends_with(".xml")) return "xml";
  bool json = name.ends_with(".json") || name.ends_with(".jsonl") ||
              name.ends_with(".ndjson");
  bool lines = spec.format == "debezium" || spec.format == "dms";
  return json && !lines ? "json" : spec.format;
}

// As the file is, so is the spec.
Status fit_spec(const std::string& name, DecoderSpec& spec) {
  spec.format = format_of(name, spec);
  if (name.ends_with(".tsv")) spec.csv_delimiter = '\t';
  if (spec.format == "avro") {
    return Error{ErrorCode::kUnsupported,
                 "files of Avro events are not read: " + name};
  }
  if (spec.format == "xml" && spec.record.empty()) {
    return invalid(
        "the dataset does not say where the records of an XML file are "
        "(record): " +
        name);
  }
  return {};
}

bool has_header_line(const DecoderSpec& spec) {
  return spec.format == "csv" && spec.csv_fields.empty();
}

// REQUIRES: fit_spec(), and the header line if there is one.
Result<std::unique_ptr<Decoder>> decoder_of(std::string_view header_line,
                                            DecoderSpec spec) {
  if (spec.format == "xml") return make_xml_record_decoder(std::move(spec));
  if (has_header_line(spec)) {
    return make_csv_decoder(std::move(spec), header_line);
  }
  return make_decoder(std::move(spec));
}

}  // namespace

std::string file_partition(const std::string& name) {
  std::string partition(kFilePartition);
  if (is_utf8(name)) return partition + name;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && c != '%') {
      partition += c;
    } else {
      partition += fmt::format("%{:02X}", byte);
    }
  }
  return partition;
}

Result<OpenedFile> open_event_file(const std::string& path, DecoderSpec spec) {
  TRY(fit_spec(unpacked_name(path), spec));
  TRY_ASSIGN(auto file, FileReader::open(path));
  OpenedFile opened;
  if (spec.format == "xml") {
    TRY_ASSIGN(opened.records,
               XmlFileRecords::make(std::move(file), spec.record));
  } else {
    opened.records = std::make_unique<TextRecords>(
        std::move(file), spec.format == "csv"
                             ? std::optional(spec.csv_delimiter)
                             : std::nullopt);
  }
  if (has_header_line(spec)) {
    std::vector<std::string_view> header;
    TRY(opened.records->next(header, 1));
    if (header.empty()) return invalid("the file is empty: " + path);
    opened.header_line = header[0];
    TRY_ASSIGN(opened.header, csv_header(header[0], spec.csv_delimiter));
  }
  TRY_ASSIGN(opened.decoder, decoder_of(opened.header_line, std::move(spec)));
  return opened;
}

Result<std::unique_ptr<Decoder>> make_record_decoder(
    const std::string& name, std::string_view header_line, DecoderSpec spec) {
  TRY(fit_spec(name, spec));
  if (has_header_line(spec) && header_line.empty()) {
    return invalid(
        "the header line of the file was not kept: put the record into a new "
        "file: " +
        name);
  }
  return decoder_of(header_line, std::move(spec));
}

}  // namespace freshet
