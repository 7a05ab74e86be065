#include "server/query/provenance.h"

#include <algorithm>

namespace freshet {
namespace {

void add_new(std::vector<std::string>& into,
             const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (std::find(into.begin(), into.end(), one) == into.end()) {
      into.push_back(one);
    }
  }
}

// All but late_or_rejected; elapsed_ms is the caller's to measure.
void merge_common(Provenance& into, const Provenance& more) {
  into.as_of = std::min(into.as_of, more.as_of);
  into.lag_ms = std::max(into.lag_ms, more.lag_ms);
  into.complete = into.complete && more.complete;
  into.exact = into.exact && more.exact;
  into.segments += more.segments;
  into.rows_scanned += more.rows_scanned;
  into.rows_matched += more.rows_matched;
  add_new(into.served_by, more.served_by);
  add_new(into.why_not, more.why_not);
  for (const auto& [partition, range] : more.offsets) {
    auto [entry, added] = into.offsets.emplace(partition, range);
    if (added) continue;
    entry->second.first = std::min(entry->second.first, range.first);
    entry->second.second = std::max(entry->second.second, range.second);
  }
}

}  // namespace

void merge_runs(Provenance& into, const Provenance& more) {
  merge_common(into, more);
  into.late_or_rejected =
      std::max(into.late_or_rejected, more.late_or_rejected);
}

void merge_datasets(Provenance& into, const Provenance& more) {
  merge_common(into, more);
  into.late_or_rejected += more.late_or_rejected;
}

}  // namespace freshet
