// POST /ingest/{dataset}, the progress of streams, and their verbs.
#include "server/api/empty_body.h"
#include "server/api/ingestion_service.h"
#include "server/api/services.h"
#include "server/json/json_writer.h"

namespace freshet {
namespace {

constexpr size_t kMaxIngestBody = size_t{64} << 20;

HttpResponse accept_events(Services& services, const HttpRequest& request) {
  auto accepted = services.ingestion.accept(
      request.params.at("dataset"), request.header("content-type"),
      request.body, request.header("idempotency-key"));
  if (!accepted) {
    HttpResponse response =
        error_response(accepted.error(), request.request_id);
    switch (accepted.error().code) {
      case ErrorCode::kLimit:
        response.status = 429;
        response.headers.emplace_back("Retry-After", "1");
        break;
      case ErrorCode::kUnsupported:
        response.status = 415;
        break;
      case ErrorCode::kIo:  // a full disk, most likely
      case ErrorCode::kUnavailable:
        response.headers.emplace_back("Retry-After", "5");
        break;
      default:
        break;
    }
    return response;
  }
  JsonWriter out;
  out.begin_object();
  out.field("accepted", accepted->accepted);
  out.field("rejected", accepted->rejected);
  out.key("errors").begin_array();
  for (const auto& error : accepted->errors) {
    out.begin_object().field("line", error.line);
    out.field("message", std::string_view(error.message)).end_object();
  }
  out.end_array().key("offsets").begin_object();
  for (const auto& [partition, next] : accepted->offsets) {
    out.field(partition, next);
  }
  out.end_object().end_object();
  return json_response(out.take());
}

void write_partitions(JsonWriter& out, const IngestionProgress& progress) {
  out.key("partitions").begin_array();
  for (const PartitionProgress& partition : progress.partitions) {
    out.begin_object();
    out.field("partition", std::string_view(partition.partition));
    out.field("next", partition.next);
    out.field("committed", partition.committed);
    if (partition.high >= 0) {
      out.field("low", partition.low).field("high", partition.high);
      out.field("lag", partition.lag());
    }
    if (partition.watermark > kMinTimestamp) {
      out.field("watermark", std::string_view(to_iso8601(partition.watermark)));
    }
    if (!partition.error.empty()) {
      out.field("error", std::string_view(partition.error));
    }
    out.field("stopped", !partition.error.empty());
    out.end_object();
  }
  out.end_array();
}

void write_errors(JsonWriter& out, const std::vector<IngestionError>& errors) {
  out.key("last_errors").begin_array();
  for (const IngestionError& error : errors) {
    out.begin_object();
    out.field("time", std::string_view(to_iso8601(error.time)));
    out.field("reason", std::string_view(error.reason));
    out.field("message", std::string_view(error.message));
    if (!error.partition.empty()) {
      out.field("partition", std::string_view(error.partition));
      out.field("offset", error.offset);
    }
    out.end_object();
  }
  out.end_array();
}

std::string progress_json(const std::string& dataset,
                          const IngestionProgress& progress,
                          const std::vector<IngestionError>& errors) {
  JsonWriter out;
  out.begin_object();
  out.field("dataset", std::string_view(dataset));
  out.field("state", state_name(progress.state));
  if (!progress.error.empty()) {
    out.field("error", std::string_view(progress.error));
  }
  write_partitions(out, progress);
  out.field("rows", progress.rows).field("bytes", progress.bytes);
  out.field("rows_per_second", progress.rows_per_second);
  out.field("bytes_per_second", progress.bytes_per_second);
  out.field("rejected_per_second", progress.rejected_per_second);
  out.key("rejected").begin_object();
  for (const auto& [reason, count] : progress.rejected) {
    out.field(reason, count);
  }
  out.end_object();
  out.key("dead_letters").begin_object();
  out.field("kept", progress.dead_letters.rows);
  out.field("bytes", progress.dead_letters.bytes);
  out.field("dropped", progress.dead_letters.dropped).end_object();
  out.field("replayed", progress.replayed);
  out.field("filtered", progress.filtered);
  out.field("duplicates", progress.duplicates);
  out.field("replaced", progress.replaced);
  out.field("deleted", progress.deleted);
  out.field("outdated", progress.outdated);
  if (progress.as_of > kMinTimestamp) {
    out.field("as_of", std::string_view(to_iso8601(progress.as_of)));
  }
  out.field("lag_ms", progress.lag_ms);
  out.field("caught_up", progress.caught_up);
  out.field("complete", progress.complete());
  out.field("live_rows", progress.live_rows);
  out.field("live_bytes", progress.live_bytes);
  if (progress.last_seal.ms > 0) {
    out.field("last_seal", std::string_view(to_iso8601(progress.last_seal)));
  }
  if (!progress.last_seal_error.empty()) {
    out.field("last_seal_error", std::string_view(progress.last_seal_error));
  }
  write_errors(out, errors);
  out.end_object();
  return out.take();
}

Error no_dataset(const std::string& name) {
  return {ErrorCode::kNotFound, "there is no dataset '" + name + "'"};
}

HttpResponse show_progress(Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("d");
  auto progress = services.ingestion.progress(name);
  if (!progress) return error_response(no_dataset(name), request.request_id);
  return json_response(
      progress_json(name, *progress, services.ingestion.last_errors(name)));
}

HttpResponse steer(Services& services, const HttpRequest& request) {
  const std::string& name = request.params.at("d");
  Status done = check_empty_body(request.body);
  if (done) {
    done = services.ingestion.steer(name, request.params.at("verb"));
  }
  if (!done) return error_response(done.error(), request.request_id);
  return show_progress(services, request);
}

}  // namespace

void add_ingestion_routes(Router& router, Services& services) {
  router.add(
      "POST", "/ingest/{dataset}", Access::kWrite,
      [&services](const HttpRequest& r) { return accept_events(services, r); },
      kMaxIngestBody);
  router.add(
      "GET", "/api/v1/ingestion/{d}", Access::kRead,
      [&services](const HttpRequest& r) { return show_progress(services, r); });
  router.add("POST", "/api/v1/ingestion/{d}/{verb}", Access::kAdmin,
             [&services](const HttpRequest& r) { return steer(services, r); });
}

}  // namespace freshet
