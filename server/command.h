// The sub-commands of `freshet`. Each returns the process's exit code: 0 done,
// 1 the input is wrong, 2 usage, 3 the environment failed; and has printed its
// errors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "segments/result.h"
#include "server/application.h"

namespace freshet {

inline constexpr int kExitDone = 0;
inline constexpr int kExitInvalid = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitEnvironment = 3;

// Prints "freshet: MESSAGE" to stderr and returns the exit code of its kind.
int report_error(const Error& error);

// Before any thread starts, so that only serve_until_signal() sees them.
void block_signals();
// Lets SIGHUP end the process, as of a program in a terminal that closes.
void unblock_hangup();
// Returns at SIGTERM or SIGINT; SIGHUP reloads the model.
void serve_until_signal(Application& application);

int command_serve(const ServeOptions& options);

struct DemoOptions {
  // Events a second over all datasets; 0: as the business goes.
  double rate = 2000;
  int64_t history_ms = int64_t{90} * 86400 * 1000;
  std::string data;  // empty: ./freshet-demo
  std::optional<std::string> listen;
  bool insecure = false;
};
int command_demo(const DemoOptions& options);

int command_init(const std::string& folder);

struct InferOptions {
  std::string folder;   // of the model; may have files
  std::string topic;    // kafka://HOST:PORT/TOPIC
  std::string dataset;  // empty: after the topic
  size_t sample = 1000;
};
int command_infer(const InferOptions& options);
struct ValidateOptions {
  std::string folder;
  std::string against, token;  // a running server to compare with; or empty
};
int command_validate(const ValidateOptions& options);

struct GenerateCommand {
  std::string model, dataset, to, ledger, until;
  uint64_t rows = 0;  // or
  int64_t days = 0;   // as many as a company like the demo's has, up to `until`
  uint64_t seed = 1;
  double rate = 0;        // events a second; 0 = as fast as it goes
  double duplicates = 0;  // share sent twice
  double bad_lines = 0;   // share that cannot be a row
  std::string token;      // of the server at `to`; or empty
};
int command_generate(const GenerateCommand& options);

struct LoadOptions {
  std::string data, model, dataset;
  std::vector<std::string> files;
};
int command_load(const LoadOptions& options);

struct QueryOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string format = "table";  // table | json | csv
  std::string token;
  std::string sql;
};
int command_query(const QueryOptions& options);

struct BackupOptions {
  std::string data, backup;
  std::string url, token;  // of the server that has `data` open; or empty
  std::string id;          // of one backup; empty: the newest, or all
};
int command_backup(const std::string& verb, const BackupOptions& options);

int command_segment(const std::string& verb, const std::string& path,
                    uint32_t rows);

}  // namespace freshet
