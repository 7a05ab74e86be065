#include "server/kpi/tile_picture.h"

#include <algorithm>
#include <span>
#include <utility>

#include "server/json/error_text.h"
#include "server/json/json_value.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

// The worst of the tiles.
struct Freshness {
  bool any = false;
  Timestamp as_of = kMaxTimestamp;
  int64_t lag_ms = 0;
  bool complete = true;

  void add(const Provenance& p) {
    any = true;
    as_of = std::min(as_of, p.as_of);
    lag_ms = std::max(lag_ms, p.lag_ms);
    complete = complete && p.complete;
  }

  std::string json() const {
    JsonWriter out;
    out.begin_object().key("as_of");
    if (!any || as_of == kMinTimestamp) {
      out.null();
    } else {
      out.value(std::string_view(to_iso8601(as_of)));
    }
    out.field("lag_ms", lag_ms).field("complete", complete).end_object();
    return out.take();
  }
};

std::string signature_of(KpiAnswer answer) {
  answer.provenance = {};
  answer.range = {Timestamp{0}, Timestamp{0}};
  if (answer.compare) answer.compare->range = answer.range;
  return to_json(answer);
}

std::string picture_json(const TilePicture& picture, const TilePicture* before,
                         uint64_t data_version) {
  JsonWriter out;
  out.begin_object().key("tiles").begin_object();
  for (size_t i = 0; i < picture.tiles.size(); ++i) {
    bool same = before && before->signatures[i] == picture.signatures[i];
    if (same || picture.tiles[i].empty()) continue;
    out.key(std::to_string(i)).raw(picture.tiles[i]);
  }
  out.end_object();
  out.key("freshness").raw(picture.freshness);
  out.field("model_version", std::string_view(picture.model_version));
  out.field("data_version", data_version);
  out.end_object();
  return out.take();
}

// What a tile asks: one answer, or one for each step of a funnel.
std::vector<KpiRequest> questions(const TileModel& tile,
                                  const KpiRequest& request) {
  if (request.kpi.empty()) return {};
  if (tile.steps.empty()) return {request};
  std::vector<KpiRequest> all;
  for (const std::string& step : tile.steps) {
    all.push_back(request);
    all.back().kpi = step;
  }
  return all;
}

// The tile's JSON and its signature, from its answers in order.
std::pair<std::string, std::string> tile_json(
    std::span<Result<KpiAnswer>> answers, Freshness& freshness) {
  std::string tile, signature;
  for (Result<KpiAnswer>& answer : answers) {
    if (!answer) {
      std::string error = error_json(answer.error(), "");
      return {error, error};
    }
    freshness.add(answer->provenance);
    if (!tile.empty()) tile += ',';
    tile += to_json(*answer);
    signature += signature_of(std::move(*answer));
  }
  if (answers.size() > 1) tile = "{\"steps\":[" + tile + "]}";
  return {std::move(tile), std::move(signature)};
}

}  // namespace

Error no_such_dashboard(const Model& model, const std::string& name) {
  std::vector<std::string> known;
  for (const DashboardModel& one : model.dashboards) known.push_back(one.name);
  std::string near = nearest_name(name, known);
  return Error{ErrorCode::kNotFound,
               "there is no dashboard '" + name + "'" +
                   (near.empty() ? "" : "; did you mean '" + near + "'?"),
               0, 0};
}

Result<TilePicture> compute_picture(Kpis& kpis, const Model& model,
                                    const std::string& dashboard,
                                    const DashboardView& view) {
  const DashboardModel* found = model.dashboard(dashboard);
  if (!found) return no_such_dashboard(model, dashboard);
  TilePicture picture;
  picture.model_version = model.version;
  Freshness freshness;
  std::vector<KpiRequest> requests = tile_requests(*found, view);
  std::vector<KpiRequest> asked;
  std::vector<size_t> counts;  // of questions, by tile
  for (size_t i = 0; i < requests.size(); ++i) {
    std::vector<KpiRequest> own = questions(found->tiles[i], requests[i]);
    counts.push_back(own.size());
    asked.insert(asked.end(), own.begin(), own.end());
  }
  std::vector<Result<KpiAnswer>> answers = kpis.answer_all(asked);
  std::span<Result<KpiAnswer>> left(answers);
  for (size_t count : counts) {
    auto [tile, signature] = tile_json(left.first(count), freshness);
    left = left.subspan(count);
    picture.tiles.push_back(std::move(tile));
    picture.signatures.push_back(std::move(signature));
  }
  picture.freshness = freshness.json();
  return picture;
}

std::string snapshot_json(const TilePicture& picture, uint64_t data_version) {
  return picture_json(picture, nullptr, data_version);
}

std::string delta_json(const TilePicture& picture, const TilePicture& before,
                       uint64_t data_version) {
  return picture_json(picture, &before, data_version);
}

bool tiles_differ(const TilePicture& a, const TilePicture& b) {
  return a.signatures != b.signatures;
}

}  // namespace freshet
