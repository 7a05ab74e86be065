// freshet load: files straight into sealed segments, with a progress line.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "ingest/bulk_load.h"
#include "server/application_dataset_settings.h"
#include "server/application_lookups.h"
#include "server/command.h"
#include "server/command_output.h"
#include "server/model/stored_types.h"

namespace freshet {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void print_progress(const LoadProgress& progress, Clock::time_point start) {
  double seconds = seconds_since(start);
  double share = progress.bytes_total == 0
                     ? 1
                     : static_cast<double>(progress.bytes_read) /
                           static_cast<double>(progress.bytes_total);
  double left = share > 0.01 ? seconds / share - seconds : 0;
  int filled = static_cast<int>(std::min(1.0, share) * 30);
  print_notice("\r[{:<30}] {:3.0f} %  {} rows  {:.0f} rows/s  {:.0f} s left ",
               std::string(filled, '#'), share * 100, progress.rows,
               static_cast<double>(progress.rows) / std::max(seconds, 1e-3),
               left);
}

// kInvalid if rows would lack what they read: loads follow no sources.
Status check_lookups(const IngestionSettings& settings,
                     const std::string& data) {
  if (settings.transform == nullptr) return {};
  Status ready = settings.transform->prepare();
  if (ready) return {};
  return invalid(fmt::format(
      "nothing is loaded into {}: {}; start the server once with this data "
      "folder, so that it is read: {}",
      settings.dataset, ready.error().message, data));
}

// After the file that could not be loaded: what is in, and what is not.
void tell_rest(const std::vector<std::string>& files,
               const LoadProgress& progress) {
  for (const std::string& file : progress.loaded) {
    print_notice("freshet: loaded: {}\n", file);
  }
  const size_t done = progress.loaded.size() + progress.skipped.size();
  for (size_t i = done; i < files.size(); ++i) {
    print_notice("freshet: not loaded: {}\n", files[i]);
  }
  if (done > 0) {
    print_notice("freshet: the same command skips what is loaded already\n");
  }
}

}  // namespace

int command_load(const LoadOptions& options) {
  ModelLoad load = load_model(options.model);
  if (!load.model) {
    command_validate({options.model, {}, {}});
    return kExitInvalid;
  }
  const DatasetModel* dataset = load.model->dataset(options.dataset);
  if (!dataset) {
    return report_error(invalid("the model has no dataset " + options.dataset));
  }
  auto store = SegmentStore::open(options.data);
  if (!store) return report_error(store.error());
  std::vector<ModelFault> faults = type_faults(*dataset, **store);
  for (const ModelFault& fault : faults) {
    print_notice("freshet: {}: {}\n", place_of(fault), fault.message);
  }
  if (!faults.empty()) return kExitInvalid;
  if (Status known = forget_types(*dataset, **store); !known) {
    return report_error(known.error());
  }
  bool terminal = isatty(STDERR_FILENO);
  auto start = Clock::now();
  LoadProgress last;
  auto lookups = Lookups::open_kept(options.data, load.model);
  if (!lookups) return report_error(lookups.error());
  const IngestionSettings settings =
      ingestion_settings(*dataset, lookups->get());
  if (Status ready = check_lookups(settings, options.data); !ready) {
    return report_error(ready.error());
  }
  Status loaded = bulk_load(settings, **store, options.files,
                            [&](const LoadProgress& progress) {
                              last = progress;
                              if (terminal) print_progress(progress, start);
                            });
  if (terminal) print_notice("\n");
  for (const std::string& note : last.notes) {
    print_notice("freshet: warning: {}\n", note);
  }
  for (const std::string& file : last.skipped) {
    print_notice("freshet: already loaded, skipped: {}\n", file);
  }
  if (!loaded) {
    int code = report_error(loaded.error());
    tell_rest(options.files, last);
    return code;
  }
  print_output("{} rows loaded, {} rejected, {:.1f} s\n", last.rows,
               last.rejected, seconds_since(start));
  if (last.repeated > 0) {
    print_output("{} rows left out, as their key came before\n", last.repeated);
  }
  if (last.rejected > 0) print_output("rejected: {}\n", last.rejections());
  return kExitDone;
}

}  // namespace freshet
