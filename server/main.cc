// The command line of `freshet`.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "segments/time.h"
#include "server/command.h"
#include "server/command_output.h"
#include "server/log.h"

namespace freshet {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 the input is wrong, 2 usage, "
    "3 the environment failed.";

// The instructions the binary was compiled for; without them the first vector
// instruction would end the process with no word of why.
bool processor_fits() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("pclmul");
#else
  return true;
#endif
}

struct CommandLine {
  CLI::App app{"Freshet: Kafka topics to live retail and supply-chain KPIs.",
               "freshet"};
  std::string log_format = "json";
  ServeOptions serve;
  std::string data, listen, tls_certificate, tls_key;
  int scan_threads = 0;
  DemoOptions demo;
  std::string history = "90d";
  std::string folder;
  InferOptions infer;
  GenerateCommand generate;
  LoadOptions load;
  ValidateOptions validation;
  QueryOptions query;
  std::string segment_path;
  uint32_t segment_rows = 0;
  BackupOptions backup;
  int exit_code = kExitDone;

  CommandLine();
  void add_serve();
  void add_demo();
  void add_model_commands();
  void add_generate();
  void add_load();
  void add_query();
  void add_segment();
  void add_backup();
  void logging() const { set_up_logging(log_format == "text"); }
};

CommandLine::CommandLine() {
  app.require_subcommand(1);
  app.set_version_flag("--version", "freshet " FRESHET_VERSION);
  app.footer(kExitCodes);
  add_serve();
  add_demo();
  add_model_commands();
  add_generate();
  add_load();
  add_query();
  add_segment();
  add_backup();
}

void CommandLine::add_serve() {
  auto* sub = app.add_subcommand("serve",
                                 "Runs everything; SIGTERM drains, "
                                 "seals and ends");
  sub->add_option("--model", serve.model, "Folder of the model")->required();
  sub->add_option("--data", data, "Folder of the data");
  sub->add_option("--listen", listen, "HOST:PORT (127.0.0.1:8080)");
  sub->add_option("--scan-threads", scan_threads, "Threads for queries")
      ->check(CLI::Range(1, 1024));
  sub->add_option("--tls-certificate", tls_certificate, "PEM file");
  sub->add_option("--tls-key", tls_key, "PEM file");
  sub->add_flag("--insecure", serve.insecure,
                "Listen beyond loopback without TLS and token");
  sub->add_option("--log-format", log_format, "json or text")
      ->check(CLI::IsMember({"json", "text"}));
  sub->footer(
      "Each setting may also stand in freshet.yaml of the model or in a "
      "variable\n(FRESHET_LISTEN, FRESHET_DATA, ...). The access token only "
      "there: `token:` or\nFRESHET_TOKEN, best as ${file:PATH} or "
      "${env:NAME}.\n\n" +
      std::string(kExitCodes));
  sub->callback([this] {
    logging();
    if (!data.empty()) serve.data = data;
    if (!listen.empty()) serve.listen = listen;
    if (!tls_certificate.empty()) serve.tls_certificate = tls_certificate;
    if (!tls_key.empty()) serve.tls_key = tls_key;
    if (scan_threads > 0) serve.scan_threads = scan_threads;
    exit_code = command_serve(serve);
  });
}

void CommandLine::add_demo() {
  auto* sub = app.add_subcommand(
      "demo", "Serves the starter model with history and live traffic");
  sub->add_option("--rate", demo.rate,
                  "Events a second, made up with stock readings (2000); 0: the "
                  "pace of the business")
      ->check(CLI::Range(0.0, 1e6));
  sub->add_option("--history", history, "How far back (90d)")
      ->check([](const std::string& text) {
        auto length = parse_duration_ms(text);
        return length && *length >= 0 ? "" : "is not a duration: " + text;
      });
  sub->add_option("--data", demo.data, "Folder of the data (./freshet-demo)");
  sub->add_option("--listen", listen, "HOST:PORT (127.0.0.1:8080)");
  sub->add_flag("--insecure", demo.insecure,
                "Listen beyond loopback without TLS and token");
  sub->add_option("--log-format", log_format, "json or text (text)")
      ->check(CLI::IsMember({"json", "text"}));
  sub->callback([this] {
    if (log_format.empty()) log_format = "text";
    logging();
    if (!listen.empty()) demo.listen = listen;
    demo.history_ms = *parse_duration_ms(history);
    exit_code = command_demo(demo);
  });
}

void CommandLine::add_model_commands() {
  auto* init = app.add_subcommand(
      "init", "Writes the starter model, or a dataset found in a topic");
  init->add_option("folder", infer.folder, "An empty or new folder")
      ->required();
  init->add_option("--from-topic", infer.topic,
                   "kafka://HOST:PORT/TOPIC: writes datasets/NAME.yaml from a "
                   "sample of it; the folder may have a model");
  init->add_option("--dataset", infer.dataset, "NAME (after the topic)");
  init->add_option("--sample", infer.sample, "Messages to look at (1000)")
      ->check(CLI::Range(1, 100'000));
  init->callback([this] {
    exit_code =
        infer.topic.empty() ? command_init(infer.folder) : command_infer(infer);
  });
  auto* validate = app.add_subcommand("validate", "Checks a model");
  validate->add_option("folder", folder, "Folder of the model")->required();
  validate
      ->add_option("--against", validation.against,
                   "URL of a running server: also tells what the change "
                   "would break there")
      ->check([](const std::string& url) {
        return url.empty() ? "is empty: the URL of a running server" : "";
      });
  validate->add_option("--token", validation.token, "Access token of it")
      ->envname("FRESHET_TOKEN");
  validate->callback([this] {
    validation.folder = folder;
    exit_code = command_validate(validation);
  });
}

void CommandLine::add_generate() {
  auto* sub = app.add_subcommand(
      "generate", "Makes seeded events and the exact expected totals");
  sub->add_option("--model", generate.model, "Folder of the model")->required();
  sub->add_option("--dataset", generate.dataset, "Which dataset")->required();
  auto* size = sub->add_option_group("size");
  size->add_option("--rows", generate.rows, "How many events")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000'000}));
  size->add_option("--days", generate.days,
                   "Instead: all events of a company like the demo's in so "
                   "many days")
      ->check(CLI::Range(1, 100'000));
  size->require_option(1);
  sub->add_option("--until", generate.until,
                  "End of the event times, ISO 8601 (the last midnight UTC)");
  sub->add_option("--seed", generate.seed, "Same seed, same events (1)");
  sub->add_option("--rate", generate.rate, "Events a second (all at once)")
      ->check(CLI::Range(0.0, 1e9));
  sub->add_option("--to", generate.to,
                  "FILE, kafka://HOST:PORT/TOPIC or http://HOST:PORT")
      ->required();
  sub->add_option("--duplicates", generate.duplicates,
                  "Share of events sent twice (0)")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_option("--bad-lines", generate.bad_lines,
                  "Share of lines that cannot be a row (0)")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_option("--ledger", generate.ledger, "File for the totals");
  sub->add_option("--token", generate.token, "Access token of http://HOST:PORT")
      ->envname("FRESHET_TOKEN");
  sub->callback([this] {
    set_up_logging(true);
    exit_code = command_generate(generate);
  });
}

void CommandLine::add_load() {
  auto* sub = app.add_subcommand("load", "Bulk-loads JSON lines or CSV files");
  sub->add_option("--data", load.data, "Folder of the data")->required();
  sub->add_option("--model", load.model, "Folder of the model")->required();
  sub->add_option("--dataset", load.dataset, "Which dataset")->required();
  sub->add_option("files", load.files, "Files")->required();
  sub->callback([this] {
    set_up_logging(true);
    exit_code = command_load(load);
  });
}

void CommandLine::add_query() {
  auto* sub = app.add_subcommand("query", "Asks a running server");
  sub->add_option("--url", query.url, "http://127.0.0.1:8080");
  sub->add_option("--format", query.format, "table, json or csv")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  sub->add_option("--token", query.token, "Access token")
      ->envname("FRESHET_TOKEN");
  sub->add_option("sql", query.sql, "The query")->required();
  sub->callback([this] { exit_code = command_query(query); });
}

void CommandLine::add_segment() {
  auto* sub = app.add_subcommand("segment", "Looks into segment files");
  sub->require_subcommand(1);
  for (const char* verb : {"list", "dump", "verify"}) {
    auto* one = sub->add_subcommand(
        verb, verb[0] == 'l'   ? "Lists the segment files of a folder"
              : verb[0] == 'd' ? "Prints a file's columns and blocks"
                               : "Checks every checksum of a file or folder");
    one->add_option("path", segment_path, "File or folder")->required();
    if (verb[0] == 'd') {
      one->add_option("--rows", segment_rows, "Rows to print as JSON (0)");
    }
    one->callback([this, verb] {
      exit_code = command_segment(verb, segment_path, segment_rows);
    });
  }
}

void CommandLine::add_backup() {
  auto* sub = app.add_subcommand("backup", "Copies of the data folder");
  sub->require_subcommand(1);
  auto add = [&](const char* verb, const char* about, bool data) {
    auto* one = sub->add_subcommand(verb, about);
    one->add_option("backup", backup.backup, "Folder of the backups")
        ->required();
    if (data) {
      one->add_option("--data", backup.data, "Folder of the data")->required();
    }
    one->callback([this, verb] {
      set_up_logging(true);
      exit_code = command_backup(verb, backup);
    });
    return one;
  };
  auto* create = add("create", "Adds a backup of the data folder", true);
  create->add_option("--url", backup.url,
                     "The server that runs on it; none if stopped");
  create->add_option("--token", backup.token, "Access token")
      ->envname("FRESHET_TOKEN");
  auto* verify = add("verify", "Reads every byte of the backups", false);
  auto* restore =
      add("restore", "Makes a new or empty data folder of a backup", true);
  for (auto* one : {verify, restore}) {
    one->add_option("--id", backup.id,
                    "One backup (verify: all; restore: the "
                    "newest)");
  }
}

// The first word that names no command where one is expected, or null. Looked
// for before CLI11 does, which answers with what it expected, or with the help.
const char* unknown_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* level = &app;
  for (int i = 1; i < argc; ++i) {
    auto commands = level->get_subcommands(
        [](const CLI::App* sub) { return !sub->get_name().empty(); });
    if (commands.empty()) return nullptr;
    std::string_view word = argv[i];
    if (word.starts_with('-')) return nullptr;
    auto at =
        std::find_if(commands.begin(), commands.end(),
                     [&](const CLI::App* c) { return c->get_name() == word; });
    if (at == commands.end()) return argv[i];
    level = *at;
  }
  return nullptr;
}

int run(int argc, char** argv) {
  if (!processor_fits()) {
    std::fprintf(stderr,
                 "freshet: this processor lacks AVX2, BMI2, FMA or PCLMUL "
                 "(x86-64-v3), which this build needs\n");
    return kExitEnvironment;
  }
  std::signal(SIGPIPE, SIG_IGN);  // sockets and finish_output() say it
  auto line = std::make_unique<CommandLine>();
  if (const char* word = unknown_command(line->app, argc, argv)) {
    std::fprintf(stderr,
                 "freshet: unknown command '%s'; freshet --help names them\n",
                 word);
    return kExitUsage;
  }
  try {
    line->app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    int code = line->app.exit(error);
    return code == 0 ? kExitDone : kExitUsage;
  }
  return line->exit_code;
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  freshet::hold_standard_streams();
  return freshet::finish_output(freshet::run(argc, argv));
}
