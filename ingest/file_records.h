// FileRecords: an event file cut into its records, which become messages one by
// one, and the decoder that reads them. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/decoder.h"
#include "segments/result.h"

namespace freshet {

class Records {
 public:
  virtual ~Records() = default;
  // The next records, at most `most`, without line ends and blank ones; none at
  // the end. Valid until the next call.
  virtual Status next(std::vector<std::string_view>& records, size_t most) = 0;
  // Where record `i` of the last next() stands, from 0: the line of the file on
  // which it begins, or its number where there are no lines.
  virtual int64_t place(size_t i) const = 0;
  // What places are, for people: "line" or "record".
  virtual const char* place_name() const = 0;
  // How much was read, of the file's own bytes.
  virtual uint64_t bytes_read() const = 0;
};

struct OpenedFile {
  std::unique_ptr<Records> records;
  std::unique_ptr<Decoder> decoder;
  // The file's own header line, and the names in it; empty if it has none.
  std::string header_line{};
  std::vector<std::string> header{};
};

// "file/NAME" is the partition of messages that are records of a file, by its
// name without packing. Those of CSV with a header line have that as a message
// header, so that a dead letter can be read without its file.
inline constexpr std::string_view kFilePartition = "file/";
inline constexpr std::string_view kCsvHeader = "csv_header";
inline bool is_file_partition(std::string_view partition) {
  return partition.starts_with(kFilePartition);
}

// Of a file by its name without packing. One that is not UTF-8 stands there
// with its '%' and all its bytes beyond ASCII as %XX: "Caf%E9.csv".
std::string file_partition(const std::string& name);

// Opens the file at `path`, unpacked if it ends in .gz or .zst. What it holds
// is told by the rest of its name: .csv (or .tsv) has a header line unless the
// spec names the fields, .xml has records at spec.record, .json, .jsonl and
// .ndjson have a JSON object a line; otherwise it is the spec's format. XML
// records are handed on as JSON objects (xml_record_json).
Result<OpenedFile> open_event_file(const std::string& path, DecoderSpec spec);

// The decoder of records that such a file gave, by its name without packing and
// its header line, if it had one. kInvalid, kUnsupported: they cannot be read.
Result<std::unique_ptr<Decoder>> make_record_decoder(
    const std::string& name, std::string_view header_line, DecoderSpec spec);

}  // namespace freshet
