// SSB-flat: the Star Schema Benchmark's lineorder joined with customer,
// supplier, part and date; 20 fields, about 400 bytes as JSON. Own generator
// with the benchmark's domains and cardinalities; the same rows for a seed.
#pragma once

#include <cstdint>
#include <string>

#include "ingest/decoder.h"

namespace freshet {

// Row `number` of `rows` as one JSON object; order dates rise with the number.
void append_ssb_row(uint64_t number, uint64_t rows, std::string& out);

// How Freshet reads it; the same as perf/workloads/ssb_model.
DecoderSpec ssb_decoder_spec();

}  // namespace freshet
