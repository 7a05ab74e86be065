// DeadLetterShelf: how many dead letters of a dataset are kept. Beyond the
// limits the oldest (by when they were rejected) go; how many went since the
// beginning is kept in the metadata store under "dead_dropped/<dataset>",
// written in one step with their removal. What was rejected stays counted by
// reason in KeptCounts: only the events' bytes are given up.
//
// Owned and used by the sealer, whose thread writes dead letters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/dead_letters.h"
#include "segments/metadata_store.h"
#include "segments/result.h"

namespace freshet {

struct DeadLetterLimits {
  uint64_t rows = 100'000;
  uint64_t bytes = uint64_t{64} << 20;  // of events, reasons and keys
};

struct DeadLetterStock {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t dropped = 0;  // since the beginning
};

class DeadLetterShelf {
 public:
  // `store` must outlive it. stock() is empty until load().
  DeadLetterShelf(MetadataStore& store, std::string dataset,
                  DeadLetterLimits limits = {});

  // Counts what is there.
  Status load();
  // These became durable.
  void added(const std::vector<DeadLetter>& letters);
  // Drops the oldest if a limit is passed, to a tenth below it, so that this
  // is not needed at each seal.
  Status trim();

  DeadLetterStock stock() const { return stock_; }

 private:
  MetadataStore& store_;
  const std::string dataset_;
  const DeadLetterLimits limits_;
  DeadLetterStock stock_;
};

}  // namespace freshet
