// freshet backup create|verify|restore: consistent copies of the data folder,
// also while a server runs on it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "ingest/embedded_log.h"
#include "segments/backup.h"
#include "segments/segment_store.h"
#include "server/application_checkpoint.h"
#include "server/command.h"
#include "server/command_http.h"
#include "server/command_output.h"
#include "server/json/json_value.h"
#include "server/repeated_task.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

// A checkpoint that is read is touched this often, see kCheckpointLife.
constexpr absl::Duration kRenewal = absl::Minutes(1);
constexpr std::string_view kCheckpoints = "checkpoints/";

// A checkpoint while it is backed up: renewed, and released in the end.
class Source {
 public:
  // `name` below `data`.
  Source(const std::string& data, const std::string& name,
         std::function<void()> release)
      : folder_(data + "/" + name),
        release_(std::move(release)),
        renewal_(std::in_place, kRenewal, [this] {
          std::error_code ignored;
          auto now = fs::file_time_type::clock::now();
          fs::last_write_time(folder_, now, ignored);
        }) {}
  ~Source() {
    renewal_.reset();
    release_();
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const std::string& folder() const { return folder_; }

 private:
  const std::string folder_;
  const std::function<void()> release_;
  std::optional<RepeatedTask> renewal_;
};

using SourcePointer = std::unique_ptr<Source>;

const std::vector<std::string> kJsonBody = {"Content-Type: application/json"};

// Tells the server; by our own hand if it is gone meanwhile.
void release(const BackupOptions& options, const std::string& name) {
  std::string path = name.substr(kCheckpoints.size());
  auto reply =
      HttpClient(options.token)
          .remove(options.url + "/api/v1/checkpoint/" + path, kJsonBody);
  if (!reply || reply->status != 200) {
    (void)release_checkpoint(options.data, path);
  }
}

// Of the server that has the folder open.
Result<SourcePointer> ask_server(const BackupOptions& options) {
  TRY_ASSIGN(HttpReply reply,
             HttpClient(options.token)
                 .post(options.url + "/api/v1/checkpoint", "{}", kJsonBody));
  auto body = parse_json(reply.body);
  const JsonValue* name = body ? body->find("checkpoint") : nullptr;
  if (reply.status != 200 || !name || !name->as_string() ||
      !name->as_string()->starts_with(kCheckpoints) ||
      name->as_string()->find("..") != std::string::npos) {
    return Error{reply.error_code(),
                 fmt::format("the server at {} made no checkpoint (status {}): "
                             "{}",
                             options.url, reply.status, reply.body)};
  }
  std::string checkpoint = *name->as_string();
  auto source = std::make_unique<Source>(
      options.data, checkpoint,
      [options, checkpoint] { release(options, checkpoint); });
  if (fs::exists(source->folder())) return source;
  return invalid("the server's data folder is not " + options.data);
}

// Of a folder that nobody has open.
Result<SourcePointer> make_checkpoint(const BackupOptions& options) {
  if (!fs::exists(options.data)) {
    return Error{ErrorCode::kNotFound, "no such folder: " + options.data};
  }
  if (!SegmentStore::is_data_folder(options.data)) {
    return invalid("not a data folder of Freshet: " + options.data);
  }
  auto store = SegmentStore::open(options.data);
  if (!store && store.error().code == ErrorCode::kConflict) {
    return Error{ErrorCode::kConflict,
                 store.error().message +
                     "; name its server with --url http://HOST:PORT"};
  }
  if (!store) return store.error();
  TRY_ASSIGN(auto log, EmbeddedLog::open(options.data + "/log"));
  TRY_ASSIGN(auto lookups, Lookups::open(options.data, nullptr));
  TRY_ASSIGN(std::string name, write_checkpoint(**store, *log, *lookups));
  return std::make_unique<Source>(options.data, name, [options, name] {
    (void)release_checkpoint(options.data, name.substr(kCheckpoints.size()));
  });
}

int report(const Result<BackupStats>& stats, const char* what) {
  if (!stats) return report_error(stats.error());
  for (const std::string& warning : stats->warnings) {
    print_notice("freshet: warning: {}\n", warning);
  }
  print_output("{} {}: {} files, {} bytes", what, stats->id, stats->files,
               stats->bytes);
  if (stats->new_files > 0) {
    print_output(", {} bytes in {} files new", stats->new_bytes,
                 stats->new_files);
  }
  print_output("\n");
  return kExitDone;
}

// A backup inside the folder would go with it, and be in the next one.
bool is_inside(const std::string& path, const std::string& folder) {
  std::error_code error;
  auto plain = [&](const std::string& of) {
    fs::path whole = fs::weakly_canonical(fs::absolute(of, error), error);
    return whole.has_filename() ? whole : whole.parent_path();
  };
  const fs::path outer = plain(folder), inner = plain(path);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end())
             .first == outer.end();
}

int create(const BackupOptions& options) {
  if (is_inside(options.backup, options.data)) {
    return report_error(invalid(
        "a backup cannot be inside the data folder, with which it would be "
        "lost: " +
        options.backup));
  }
  auto source =
      options.url.empty() ? make_checkpoint(options) : ask_server(options);
  if (!source) return report_error(source.error());
  auto stats = create_backup((*source)->folder(), options.backup);
  source->reset();  // released before anybody hears of the backup
  return report(stats, "backup");
}

}  // namespace

int command_backup(const std::string& verb, const BackupOptions& options) {
  if (verb == "create") return create(options);
  if (verb == "verify") {
    return report(verify_backup(options.backup, options.id), "good");
  }
  return report(restore_backup(options.backup, options.id, options.data),
                "restored");
}

}  // namespace freshet
