#include "server/kpi/tile_picture.h"

#include <algorithm>

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

}  // namespace

std::string error_json(const Error& error) {
  JsonWriter out;
  out.begin_object().key("error").begin_object();
  out.field("code", error_code_name(error.code));
  out.field("message", std::string_view(error.message));
  out.end_object().end_object();
  return out.take();
}

Result<TilePicture> compute_picture(Kpis& kpis, const Model& model,
                                    const std::string& dashboard,
                                    const DashboardView& view) {
  const DashboardModel* found = model.dashboard(dashboard);
  if (!found) {
    return Error{ErrorCode::kNotFound,
                 "there is no dashboard '" + dashboard + "'", 0, 0};
  }
  TilePicture picture;
  picture.model_version = model.version;
  Freshness freshness;
  std::vector<KpiRequest> requests = tile_requests(*found, view);
  std::vector<KpiRequest> asked = requests;
  std::erase_if(asked, [](const KpiRequest& r) { return r.kpi.empty(); });
  std::vector<Result<KpiAnswer>> answers = kpis.answer_all(asked);
  auto next = answers.begin();
  for (const KpiRequest& request : requests) {
    std::string tile, signature;
    if (!request.kpi.empty()) {
      Result<KpiAnswer>& answer = *next++;
      if (answer) {
        freshness.add(answer->provenance);
        tile = to_json(*answer);
        signature = signature_of(std::move(*answer));
      } else {
        tile = error_json(answer.error());
        signature = tile;
      }
    }
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
