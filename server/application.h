// Application: owns every part, in the order they need each other, and stops
// them in reverse. The only place, with the other application_* and command_*
// files here, that names both ingestion and queries.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ingest/ingestion.h"
#include "segments/result.h"
#include "server/model/model.h"

namespace freshet {

// Flags of `freshet serve`; what is not set comes from FRESHET_* variables and
// then from the model's freshet.yaml.
struct ServeOptions {
  std::string model;
  std::optional<std::string> data, listen, tls_certificate, tls_key;
  std::optional<int> scan_threads;
  bool insecure = false;
};

class SegmentStore;

class Application {
 public:
  // Everything runs when it returns. kInvalid with all faults when the model is
  // wrong; kConflict when the data folder is in use.
  static Result<std::unique_ptr<Application>> start(
      const ServeOptions& options);
  virtual ~Application() = default;

  virtual uint16_t port() const = 0;
  // Where a browser finds it.
  virtual std::string url() const = 0;
  // Reads the model folder again (SIGHUP); logs the faults.
  virtual ModelLoad reload() = 0;
  virtual std::shared_ptr<const Model> model() const = 0;
  virtual SegmentStore& store() = 0;
  // POST /ingest from inside: the demo's traffic.
  virtual class IngestionService& ingestion() = 0;
  // PUT of a lookup's rows from inside.
  virtual class LookupService& lookups() = 0;
  // Stops taking requests, then seals and ends every stream. Idempotent.
  virtual void stop() = 0;
};

}  // namespace freshet
