#include "ingest/remote_place.h"

#include <absl/strings/ascii.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ingest/curl_transfer.h"
#include "ingest/field_value.h"
#include "ingest/xml_records.h"
#include "segments/time.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;
using After = FilePlaceSettings::After;

constexpr uint64_t kMaxListing = uint64_t{256} << 20;

std::string_view next_line(std::string_view& text) {
  size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool read_size(std::string_view text, uint64_t& size) {
  int64_t number = 0;
  if (!parse_exact(text, 0, false, number) || number < 0) return false;
  size = static_cast<uint64_t>(number);
  return true;
}

// In double quotes, for a command of SFTP.
std::string in_quotes(std::string_view path) {
  std::string text = "\"";
  for (char c : path) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + '"';
}

// S3, and most FTP servers, put a file in the place of one of its name.
using Renames = std::vector<std::pair<std::string, std::string>>;

Renames moves_to_done(const std::string& name) {
  return {{"done/" + name, "done/" + older_name(name)}, {name, "done/" + name}};
}

Error changed(const std::string& url) {
  return {ErrorCode::kUnavailable,
          "the file changed while it was fetched: " + url};
}

// A file that is being written to, of at most `size` bytes.
class LocalCopy {
 public:
  LocalCopy(std::string path, uint64_t size, const std::string& url)
      : url_(url),
        room_(size),
        path_(std::move(path)),
        file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                     0600)) {}
  ~LocalCopy() {
    if (file_ >= 0) ::close(file_);
  }
  Status write(std::span<const char> bytes) {
    if (bytes.size() > room_) return changed(url_);
    room_ -= bytes.size();
    while (!bytes.empty() || file_ < 0) {
      ssize_t count =
          file_ < 0 ? -1 : ::write(file_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR && file_ >= 0) continue;
      if (count < 0) {
        return Error{ErrorCode::kIo,
                     fmt::format("the fetched file cannot be written ({}): {}",
                                 std::strerror(errno), path_)};
      }
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return {};
  }

 private:
  const std::string& url_;
  uint64_t room_;
  const std::string path_;
  const int file_;
};

// What the kinds share: a pattern, a scratch folder, the way through curl.
class RemotePlace : public FilePlace {
 public:
  RemotePlace(FilePlaceSettings settings, std::string scratch,
              std::string pattern)
      : settings_(std::move(settings)),
        scratch_(std::move(scratch)),
        pattern_(std::move(pattern)) {
    if (pattern_.empty()) pattern_ = "*";
  }

  Result<std::string> fetch(const PlacedFile& file) override {
    std::error_code error;
    fs::create_directories(scratch_, error);
    std::string path = scratch_ + "/" + url_escape(file.name, false);
    TransferRequest asked = request(url_of(file.name));
    asked.timeout_ms = 0;
    LocalCopy copy(path, file.size, asked.url);
    auto status =
        transfer_.get(asked, [&](auto bytes) { return copy.write(bytes); });
    Status fetched = status ? copy.write({}) : Status(status.error());
    if (fetched && is_http() && *status != 200) {
      fetched =
          Error{*status == 404 ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                fmt::format("the server answers {}: {}", *status, asked.url)};
    }
    // A transfer may break off without a word.
    bool whole = fs::file_size(path, error) == file.size && !error;
    if (fetched && !whole) fetched = changed(asked.url);
    if (fetched) return path;
    release(path);
    return fetched.error();
  }
  // What was fetched is a copy of the listed size.
  Status unchanged(const PlacedFile&) override { return {}; }
  void release(const std::string& fetched) override {
    std::error_code error;
    fs::remove(fetched, error);
  }

 protected:
  virtual std::string url_of(const std::string& name) const = 0;
  virtual bool is_http() const { return false; }
  virtual TransferRequest request(std::string url) const {
    TransferRequest request;
    request.url = std::move(url);
    request.user = settings_.user;
    request.password = settings_.password;
    request.ca_file = settings_.ca_file;
    request.most_bytes = kMaxListing;
    request.stopped = settings_.stopped;
    return request;
  }
  void keep_fitting(std::vector<PlacedFile>& files) const {
    std::erase_if(files, [&](const PlacedFile& file) {
      return file.name.starts_with('.') || file.name.empty() ||
             file.name.find('/') != std::string::npos ||
             !fits_pattern(file.name, pattern_);
    });
    std::ranges::sort(files, {}, &PlacedFile::name);
  }

  const FilePlaceSettings settings_;
  const std::string scratch_;
  std::string pattern_;
  CurlTransfer transfer_;
};

// FTP and SFTP: a folder by its URL with a slash at the end.
class FtpPlace final : public RemotePlace {
 public:
  FtpPlace(FilePlaceSettings settings, std::string scratch, std::string folder,
           std::string pattern)
      : RemotePlace(std::move(settings), std::move(scratch),
                    std::move(pattern)),
        tls_(folder.starts_with("ftps:")),
        sftp_(folder.starts_with("sftp:")),
        folder_(tls_ ? "ftp" + folder.substr(4) : std::move(folder)) {}

  Result<std::vector<PlacedFile>> list() override {
    std::vector<PlacedFile> files;
    TransferRequest asked = request(folder_ + "/");
    if (!sftp_) {
      asked.custom_request = "MLSD";
      auto answer = transfer_.get(asked);
      auto read = answer ? read_mlsd(answer->body)
                         : Result<std::vector<PlacedFile>>(answer.error());
      if (read) {
        keep_fitting(*read);
        return read;
      }
      asked.custom_request.clear();  // an old server
    }
    TRY_ASSIGN(auto answer, transfer_.get(asked));
    files = read_long_list(answer.body);
    keep_fitting(files);
    return files;
  }
  Status finish(const PlacedFile& file) override {
    if (settings_.after == After::kKeep) return {};
    if (file.name.find_first_of("\r\n") != std::string::npos) {
      return Error{ErrorCode::kUnsupported,
                   "a file with a line end in its name cannot be put away: " +
                       file.name};
    }
    TransferRequest asked = request(folder_ + "/");
    asked.commands = settings_.after == After::kDelete
                         ? delete_commands(file.name)
                         : move_commands(file.name);
    auto done = transfer_.get(asked);
    if (done) return {};
    return Error{done.error().code,
                 "the loaded file cannot be put away: " + done.error().message};
  }

 protected:
  std::string url_of(const std::string& name) const override {
    return folder_ + "/" + url_escape(name, false);
  }

 private:
  TransferRequest request(std::string url) const override {
    TransferRequest asked = RemotePlace::request(std::move(url));
    asked.key_file = settings_.key_file;
    asked.known_hosts = settings_.known_hosts;
    asked.require_tls = tls_;
    return asked;
  }
  // Those of FTP hold in the folder that was listed. One with a '*' in front
  // may fail.
  std::vector<std::string> delete_commands(const std::string& name) const {
    return {sftp_ ? "rm " + on_server(name) : "DELE " + name};
  }
  std::vector<std::string> move_commands(const std::string& name) const {
    std::vector<std::string> commands = {sftp_ ? "*mkdir " + on_server("done")
                                               : "*MKD done"};
    const char* may_fail = "*";
    for (const auto& [from, to] : moves_to_done(name)) {
      if (sftp_) {
        commands.push_back(fmt::format("{}rename {} {}", may_fail,
                                       on_server(from), on_server(to)));
      } else {
        commands.push_back(fmt::format("{}RNFR {}", may_fail, from));
        commands.push_back(fmt::format("{}RNTO {}", may_fail, to));
      }
      may_fail = "";
    }
    return commands;
  }
  // As SFTP's commands name what is in the folder.
  std::string on_server(const std::string& name) const {
    size_t host = folder_.find("://") + 3;
    size_t slash = std::min(folder_.find('/', host), folder_.size());
    return in_quotes(folder_.substr(slash) + "/" + name);
  }

  const bool tls_;
  const bool sftp_;
  const std::string folder_;
};

class S3Place final : public RemotePlace {
 public:
  S3Place(FilePlaceSettings settings, std::string scratch, std::string bucket,
          std::string prefix, std::string pattern)
      : RemotePlace(std::move(settings), std::move(scratch),
                    std::move(pattern)),
        prefix_(std::move(prefix)),
        base_(settings_.endpoint.empty()
                  ? fmt::format("https://{}.s3.{}.amazonaws.com", bucket,
                                settings_.region)
                  : settings_.endpoint + "/" + bucket) {}

  Result<std::vector<PlacedFile>> list() override {
    std::vector<PlacedFile> files;
    std::string next;
    uint64_t bytes = 0;
    do {
      std::string query;
      // The signature wants the parameters in order.
      if (!next.empty()) {
        query = "continuation-token=" + url_escape(next, false) + "&";
      }
      query += "delimiter=%2F&list-type=2&prefix=" + url_escape(prefix_, false);
      TRY_ASSIGN(auto answer, transfer_.get(request(base_ + "/?" + query)));
      if (answer.status != 200) {
        return Error{answer.status == 404 ? ErrorCode::kNotFound
                                          : ErrorCode::kUnavailable,
                     fmt::format("S3 answers {} ({}): {}", answer.status,
                                 shorten(answer.body), base_)};
      }
      TRY_ASSIGN(auto page, read_s3_list(answer.body, prefix_, next));
      files.insert(files.end(), page.begin(), page.end());
      bytes += answer.body.size();
      if (bytes > kMaxListing) {
        return Error{ErrorCode::kLimit,
                     fmt::format("the listing is larger than {} bytes: {}",
                                 kMaxListing, base_)};
      }
    } while (!next.empty());
    keep_fitting(files);
    return files;
  }
  Status finish(const PlacedFile& file) override {
    if (settings_.after == After::kKeep) return {};
    if (settings_.after == After::kMove) {
      for (const auto& [from, to] : moves_to_done(file.name)) {
        TransferRequest copy = request(url_of(to));
        copy.custom_request = "PUT";
        copy.headers = {"x-amz-copy-source: /" + bucket() + "/" +
                        url_escape(prefix_ + from, true)};
        Status done = succeed(copy);
        bool none = !done && done.error().code == ErrorCode::kNotFound;
        if (!none || from == file.name) TRY(done);
      }
    }
    TransferRequest gone = request(url_of(file.name));
    gone.custom_request = "DELETE";
    return succeed(gone);
  }

 protected:
  std::string url_of(const std::string& name) const override {
    return base_ + "/" + url_escape(prefix_ + name, true);
  }
  bool is_http() const override { return true; }

 private:
  std::string bucket() const {
    std::string_view path = settings_.path;
    path.remove_prefix(5);  // s3://
    return std::string(path.substr(0, path.find('/')));
  }
  TransferRequest request(std::string url) const override {
    TransferRequest asked = RemotePlace::request(std::move(url));
    if (!asked.user.empty()) asked.aws_region = settings_.region;
    return asked;
  }
  Status succeed(const TransferRequest& asked) {
    TRY_ASSIGN(auto answer, transfer_.get(asked));
    if (answer.status < 300) return {};
    return Error{
        answer.status == 404 ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
        fmt::format("S3 answers {} ({}): {}", answer.status,
                    shorten(answer.body), asked.url)};
  }

  const std::string prefix_;  // with its '/' at the end, or empty
  const std::string base_;
};

}  // namespace

std::string older_name(const std::string& name) {
  std::string time = to_iso8601(now());  // some servers allow no colons
  std::erase_if(time, [](char c) { return !absl::ascii_isalnum(c); });
  return time + " " + name;
}

Result<std::vector<PlacedFile>> read_mlsd(std::string_view answer) {
  std::vector<PlacedFile> files;
  while (!answer.empty()) {
    std::string_view line = next_line(answer);
    size_t space = line.find("; ");
    if (line.empty()) continue;
    if (space == std::string_view::npos) {
      return invalid("not a line of MLSD: " + shorten(line));
    }
    PlacedFile file;
    file.name = line.substr(space + 2);
    bool plain = false;
    std::string_view facts = line.substr(0, space + 1);
    for (size_t end; (end = facts.find(';')) != std::string_view::npos;) {
      std::string_view fact = facts.substr(0, end);
      facts.remove_prefix(end + 1);
      std::string key(fact.substr(0, fact.find('=')));
      std::string_view value =
          fact.substr(std::min(key.size() + 1, fact.size()));
      std::ranges::transform(key, key.begin(), [](char c) { return c | 0x20; });
      if (key == "type") plain = value == "file";
      if (key == "size" && !read_size(value, file.size)) plain = false;
      if (key == "modify") file.version = value;
    }
    if (plain) files.push_back(std::move(file));
  }
  return files;
}

std::vector<PlacedFile> read_long_list(std::string_view answer) {
  std::vector<PlacedFile> files;
  while (!answer.empty()) {
    // -rw-r--r--    1 root     root         1234 Nov 22 03:38 name with blanks
    std::string_view line = next_line(answer);
    if (!line.starts_with('-')) continue;
    constexpr size_t kColumns = 8;
    std::string_view columns[kColumns];
    size_t at = 0;
    for (auto& column : columns) {
      at = std::min(line.find_first_not_of(' ', at), line.size());
      size_t end = std::min(line.find(' ', at), line.size());
      column = line.substr(at, end - at);
      at = end;
    }
    PlacedFile file;
    if (at + 1 >= line.size() || !read_size(columns[4], file.size)) continue;
    file.name = line.substr(at + 1);
    file.version = fmt::format("{} {} {}", columns[5], columns[6], columns[7]);
    files.push_back(std::move(file));
  }
  return files;
}

Result<std::vector<PlacedFile>> read_s3_list(std::string_view answer,
                                             std::string_view prefix,
                                             std::string& next) {
  std::vector<PlacedFile> files;
  next.clear();
  auto text = [](EventTree& tree, std::string_view name) {
    const EventNode* node = tree.child(*tree.root(), name);
    return node == nullptr ? std::string_view() : node->text;
  };
  TRY_ASSIGN(
      auto contents,
      XmlRecords::make("/ListBucketResult/Contents",
                       [&](EventTree& record, EventTree&) -> Status {
                         std::string_view key = text(record, "Key");
                         PlacedFile file;
                         if (!key.starts_with(prefix) ||
                             !read_size(text(record, "Size"), file.size)) {
                           return {};
                         }
                         file.name = key.substr(prefix.size());
                         file.version = text(record, "ETag");
                         files.push_back(std::move(file));
                         return {};
                       }));
  TRY(contents->push(answer, true));
  TRY_ASSIGN(auto result,
             XmlRecords::make("/ListBucketResult",
                              [&](EventTree& record, EventTree&) -> Status {
                                if (text(record, "IsTruncated") == "true") {
                                  next = text(record, "NextContinuationToken");
                                }
                                return {};
                              }));
  TRY(result->push(answer, true));
  return files;
}

Result<std::unique_ptr<FilePlace>> open_remote_place(FilePlaceSettings settings,
                                                     std::string scratch) {
  std::string folder, pattern;
  split_place(settings.path, folder, pattern);
  std::string_view path = settings.path;
  if (folder.find_first_of("*?") != std::string::npos) {
    return invalid("a pattern may only stand in the name of the files: " +
                   settings.path);
  }
  for (const char* kind : {"ftp://", "ftps://", "sftp://"}) {
    if (!path.starts_with(kind) || folder.size() < std::strlen(kind)) continue;
    return std::unique_ptr<FilePlace>(
        std::make_unique<FtpPlace>(std::move(settings), std::move(scratch),
                                   std::move(folder), std::move(pattern)));
  }
  if (path.starts_with("s3://") && folder.size() > 5) {
    std::string place = folder.substr(5);
    size_t slash = place.find('/');
    std::string bucket = place.substr(0, slash);
    std::string prefix =
        slash == std::string::npos ? "" : place.substr(slash + 1) + "/";
    return std::unique_ptr<FilePlace>(std::make_unique<S3Place>(
        std::move(settings), std::move(scratch), std::move(bucket),
        std::move(prefix), std::move(pattern)));
  }
  return invalid(
      "not a place of files (a folder, ftp://, ftps://, sftp:// or s3:// and "
      "a pattern of names): " +
      settings.path);
}

}  // namespace freshet
