// How KPIs learn which buckets of a dataset changed after they were complete:
// from the application, which alone knows ingestion.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "segments/restated_times.h"

namespace freshet {

// Of a dataset; null if nothing is known. Thread-safe.
using RestatedOf = std::function<std::shared_ptr<const RestatedTimes>(
    const std::string& dataset)>;

}  // namespace freshet
