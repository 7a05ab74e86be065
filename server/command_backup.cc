// freshet backup create|verify|restore: consistent copies of the data folder,
// also while a server runs on it.
#include <fmt/format.h>

#include <filesystem>

#include "ingest/embedded_log.h"
#include "segments/backup.h"
#include "segments/segment_store.h"
#include "server/application_checkpoint.h"
#include "server/command.h"
#include "server/command_http.h"
#include "server/command_output.h"
#include "server/json/json_value.h"

namespace freshet {
namespace {

// Asks the server that has the folder open; its answer is a folder below
// DATA/checkpoints.
Result<std::string> ask_server(const BackupOptions& options) {
  HttpClient client;
  std::vector<std::string> headers = {"Content-Type: application/json"};
  if (!options.token.empty()) {
    headers.push_back("Authorization: Bearer " + options.token);
  }
  TRY_ASSIGN(HttpReply reply,
             client.post(options.url + "/api/v1/checkpoint", "{}", headers));
  auto body = parse_json(reply.body);
  const JsonValue* name = body ? body->find("checkpoint") : nullptr;
  if (reply.status == 200 && name && name->as_string() &&
      name->as_string()->starts_with("checkpoints/") &&
      name->as_string()->find("..") == std::string::npos) {
    return options.data + "/" + *name->as_string();
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("the server at {} made no checkpoint (status {}): "
                           "{}",
                           options.url, reply.status, reply.body)};
}

// The same of a folder that nobody has open.
Result<std::string> make_checkpoint(const BackupOptions& options) {
  if (!std::filesystem::exists(options.data)) {
    return Error{ErrorCode::kNotFound, "no such folder: " + options.data};
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
  return options.data + "/" + name;
}

int report(const Result<BackupStats>& stats, const char* what) {
  if (!stats) return report_error(stats.error());
  print_output("{} {}: {} files, {} bytes", what, stats->id, stats->files,
               stats->bytes);
  if (stats->new_files > 0) {
    print_output(", {} bytes in {} files new", stats->new_bytes,
                 stats->new_files);
  }
  print_output("\n");
  return kExitDone;
}

int create(const BackupOptions& options) {
  auto source =
      options.url.empty() ? make_checkpoint(options) : ask_server(options);
  if (!source) return report_error(source.error());
  auto stats = std::filesystem::exists(*source)
                   ? create_backup(*source, options.backup)
                   : Result<BackupStats>(invalid(
                         "the server's data folder is not " + options.data));
  std::error_code ignored;
  std::filesystem::remove_all(*source, ignored);
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
