// The tiles of a dashboard as last computed, and what has changed since.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/kpi/kpi.h"

namespace freshet {

struct TilePicture {
  std::vector<std::string> tiles;  // JSON of each answer or error; "" for text
  // The same without what changes at every computation though no number does:
  // provenance, and ranges that move with the clock.
  std::vector<std::string> signatures;
  std::string freshness;  // {"as_of":...,"lag_ms":...,"complete":...}
  std::string model_version;
};

// kNotFound, with the nearest name.
Error no_such_dashboard(const Model& model, const std::string& name);

// kNotFound if the model has no such dashboard.
Result<TilePicture> compute_picture(Kpis& kpis, const Model& model,
                                    const std::string& dashboard,
                                    const DashboardView& view);

// {"tiles":{"0":...},"freshness":...,"model_version":...,"data_version":n}
// with all tiles, or those whose signature differs from `before`.
std::string snapshot_json(const TilePicture& picture, uint64_t data_version);
std::string delta_json(const TilePicture& picture, const TilePicture& before,
                       uint64_t data_version);
bool tiles_differ(const TilePicture& a, const TilePicture& b);

}  // namespace freshet
