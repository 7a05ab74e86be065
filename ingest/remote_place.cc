#include "ingest/remote_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ingest/curl_transfer.h"
#include "ingest/field_value.h"
#include "segments/disk_room.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;
using After = FilePlaceSettings::After;

constexpr uint64_t kMaxListing = uint64_t{256} << 20;
constexpr long kNotThatOne = 412;  // of HTTP: the condition does not hold

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
    if (auto shortage = disk_shortage(scratch_, file.size)) {
      return Error{ErrorCode::kIo, "the file cannot be fetched: " + *shortage};
    }
    std::string path = scratch_ + "/" + url_escape(file.name, false);
    TransferRequest asked = request(url_of(file.name));
    asked.timeout_ms = 0;
    asked.headers = only_if(file);
    LocalCopy copy(path, file.size, asked.url);
    auto status =
        transfer_.get(asked, [&](auto bytes) { return copy.write(bytes); });
    Status fetched = status ? copy.write({}) : Status(status.error());
    if (fetched && *status == kNotThatOne) fetched = changed(asked.url);
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
  // Unless the kind says otherwise, only what was listed is fetched.
  Status unchanged(const PlacedFile&) override { return {}; }
  void release(const std::string& fetched) override {
    std::error_code error;
    fs::remove(fetched, error);
  }

 protected:
  virtual std::string url_of(const std::string& name) const = 0;
  virtual bool is_http() const { return false; }
  // HTTP: headers by which the server answers kNotThatOne for another file.
  virtual std::vector<std::string> only_if(const PlacedFile&) const {
    return {};
  }
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
  Result<std::string> fetch(const PlacedFile& file) override {
    TRY_ASSIGN(read_, facts_of(file.name));
    return RemotePlace::fetch(file);
  }
  Status unchanged(const PlacedFile& file) override {
    TRY_ASSIGN(Facts facts, facts_of(file.name));
    if (facts == read_) return {};
    return changed(url_of(file.name));
  }
  Status finish(const PlacedFile& file) override {
    if (settings_.after == After::kKeep) return {};
    if (read_.name == file.name) {
      TRY_ASSIGN(Facts facts, facts_of(file.name));
      if (facts != read_) return {};  // another one, which comes at its turn
    }
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
  // By which a file is told from the next one of its name: finer than what a
  // listing says. -1 where the server does not say, or it is gone.
  struct Facts {
    std::string name;
    int64_t size = -1, time = -1;
    bool operator==(const Facts&) const = default;
  };
  Result<Facts> facts_of(const std::string& name) {
    TransferRequest asked = request(url_of(name));
    asked.no_body = true;
    auto answer = transfer_.get(asked);
    if (answer) return Facts{name, answer->file_size, answer->file_time};
    if (answer.error().code == ErrorCode::kNotFound) return Facts{name};
    return answer.error();
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
  Facts read_;  // of the last file that was fetched, before it was
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
    TransferRequest there = request(url_of(file.name));
    there.no_body = true;
    there.headers = only_if(file);
    TRY_ASSIGN(bool same, succeed(there));
    if (!same) return {};  // another one, which comes at its turn
    if (settings_.after == After::kMove) {
      TRY_ASSIGN(same, copy_to_done(file));
      if (!same) return {};
    }
    TransferRequest gone = request(url_of(file.name));
    gone.custom_request = "DELETE";
    gone.headers = only_if(file);
    auto deleted = succeed(gone);
    if (!deleted) return deleted.error();
    return {};
  }

 protected:
  std::string url_of(const std::string& name) const override {
    return base_ + "/" + url_escape(prefix_ + name, true);
  }
  bool is_http() const override { return true; }
  std::vector<std::string> only_if(const PlacedFile& file) const override {
    if (file.version.empty()) return {};
    return {"If-Match: " + file.version};
  }

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
  // False if it is another file by now.
  Result<bool> copy_to_done(const PlacedFile& file) {
    for (const auto& [from, to] : moves_to_done(file.name)) {
      TransferRequest copy = request(url_of(to));
      copy.custom_request = "PUT";
      copy.headers = {"x-amz-copy-source: /" + bucket() + "/" +
                      url_escape(prefix_ + from, true)};
      const bool last = from == file.name;
      if (last && !file.version.empty()) {
        copy.headers.push_back("x-amz-copy-source-if-match: " + file.version);
      }
      TRY_ASSIGN(bool copied, succeed(copy));
      if (last) return copied;
    }
    return false;
  }
  // False if there is no such file, or it is another one.
  Result<bool> succeed(const TransferRequest& asked) {
    TRY_ASSIGN(auto answer, transfer_.get(asked));
    if (answer.status < 300) return true;
    if (answer.status == 404 || answer.status == kNotThatOne) return false;
    return Error{ErrorCode::kUnavailable,
                 fmt::format("S3 answers {} ({}): {}", answer.status,
                             shorten(answer.body), asked.url)};
  }

  const std::string prefix_;  // with its '/' at the end, or empty
  const std::string base_;
};

}  // namespace

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
