// SchemaRegistry: Avro schemas by their id from a registry with Confluent's
// REST interface (Confluent, Apicurio's ccompat, Karapace). Schemas never
// change under their id, so what was fetched is kept. Used by one thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ingest/avro_schema.h"
#include "ingest/curl_transfer.h"
#include "ingest/decoder.h"

namespace freshet {

class SchemaRegistry {
 public:
  explicit SchemaRegistry(RegistrySettings settings);

  // Sees to it that find(id) knows. kUnavailable: no registry answers now.
  Status fetch(uint32_t id);
  // Asks again at once for what cannot be used.
  void forget_faults();
  // After fetch(id): the schema, or why it can never be used (unknown id, not
  // Avro, broken); asked again after a while.
  Result<const AvroSchema*> find(uint32_t id) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Known {
    std::shared_ptr<const AvroSchema> schema;
    std::string fault;  // if there is no schema
    Clock::time_point asked;
  };
  Result<std::string> ask(const std::string& path);
  Result<Known> load(uint32_t id);
  Status add_references(std::string_view answer, size_t depth,
                        std::vector<std::string>& texts);

  const RegistrySettings settings_;
  std::vector<std::string> urls_;
  CurlTransfer transfer_;
  absl::flat_hash_map<uint32_t, Known> known_;
};

}  // namespace freshet
