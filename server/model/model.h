// The model: datasets, KPIs, dashboards, alerts and contacts read from a folder
// of YAML files. Immutable once loaded; a reload makes a new one. Validated
// whole: a folder with any fault gives no model.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "segments/cube.h"
#include "segments/schema.h"
#include "segments/time.h"
#include "server/query/expression.h"
#include "server/sql/sql.h"

namespace freshet {

struct KafkaSourceModel {
  std::string brokers;
  std::vector<std::string> topics;
  std::string group = "freshet";
  // Secrets already resolved from ${env:NAME} and ${file:PATH}.
  std::map<std::string, std::string> properties;
};
struct LogSourceModel {
  uint32_t partitions = 4;
  int64_t retention_ms = int64_t{7} * 86400 * 1000;
  int64_t retention_bytes = -1;  // on disk, about; -1: any
};

// A watched folder, or a place on an FTP, SFTP or S3 server.
struct FilesSourceModel {
  std::string path;
  std::string after = "keep";  // keep | move | delete
  int64_t poll_ms = 2000;
  // Secrets already resolved.
  std::string user, password, key_file, known_hosts, ca_file;
  std::string region = "us-east-1", endpoint;  // S3
};

// How the bytes of an event are read.
struct FormatModel {
  // json | csv | xml | avro | debezium | dms
  std::string name = "json";
  std::vector<std::string> csv_fields;  // of a record, in order
  char csv_delimiter = ',';
  std::string explode;  // path of arrays whose elements become rows
  std::string record;   // XML: where the records are
  std::string decimals = "precise";           // Debezium: precise | string
  std::string before_image = "before-image";  // DMS
  // Of Avro; secrets already resolved.
  std::string registry_url, registry_user, registry_password, registry_ca_file;
};

// A column as the model declares it; the schema column of the same name has
// its type.
struct ColumnModel {
  std::string name;
  ColumnType type;
  std::vector<std::string> aliases{};  // its former names
  std::string path;                    // in the event; default: the name
  // Not empty: a part of the message itself, such as "key" or "header.NAME".
  std::string message;
  std::string time_format = "auto";  // of a timestamp
  std::string on_error = "reject";   // reject | null | default
  std::optional<std::string> default_text;
  // `from:` or `lookup:`, resolved; or null. The lookups in it are shapes, to
  // be bound (bind_lookups).
  ExpressionPtr derived;
  bool high_cardinality = false;
  bool pii = false;
  // What is stored of personal data: plain | hash | drop.
  std::string pii_stored = "plain";
  int line = 0;  // of its type in the file
};

// What makes two rows the same one, and which of them stays.
struct KeyModel {
  std::vector<std::string> columns;  // empty: all rows stay
  bool replace = false;              // the newest stays, not the first
  std::string order_by;              // a column, or empty: by arrival
  uint64_t memory_bytes = uint64_t{256} << 20;  // of keys, beyond: on disk
};

struct DatasetModel {
  std::string name, title, description, owner;
  std::string file;                      // in the folder
  std::shared_ptr<const Schema> schema;  // __time, then columns in file order
  std::variant<LogSourceModel, KafkaSourceModel, FilesSourceModel> source;
  FormatModel format;
  std::string time_field = "ts", time_format = "auto";
  bool time_of_message = false;      // the source's own time
  std::vector<ColumnModel> columns;  // without __time
  std::string pii_key;               // of `pii: hash`; already resolved
  ExpressionPtr filter;              // resolved, or null
  KeyModel key;
  Granularity partition_by{Granularity::Unit::kDay, 1};
  std::vector<std::string> sort_by;
  // As written, then `derived_cubes` derived ones.
  std::vector<CubeSpec> cubes;
  size_t derived_cubes = 0;
  bool auto_cubes = true;  // derive what KPIs, tiles and alerts ask for
  size_t given_cubes() const { return cubes.size() - derived_cubes; }
  std::optional<CubeSpec> rollup;  // by all columns that are no measure
  int64_t late_ms = -1;
  std::string late_policy = "dead_letter";  // accept | dead_letter | drop
  uint64_t seal_rows = 1'000'000;
  int64_t seal_age_ms = 600'000;
  int64_t retention_ms = -1;
  // Small segments of a granule are merged up to this size.
  uint64_t merge_rows = 2'000'000;
  uint64_t merge_bytes = uint64_t{256} << 20;
  uint64_t merge_rate = uint64_t{32} << 20;  // bytes written a second
};

// lookups/*.yaml: reference data by one key.
struct LookupModel {
  std::string name, title, description, owner;
  std::string file;  // in the folder
  std::string key;   // the column that names a row: a text or a long
  // How its rows are read. The schema is __time, whose value counts for
  // nothing, then the columns in file order; of the rest, source, format,
  // columns and filter mean something.
  DatasetModel rows;
  bool over_http = true;  // rows come by PUT, and `rows.source` is none
  // What it may grow to.
  uint64_t max_keys = 1'000'000;
  uint64_t max_bytes = uint64_t{512} << 20;  // in memory
};

struct KpiTarget {
  std::optional<Decimal> whole;  // as written; of all values of the dimension
  std::string per;        // "", or minute|hour|day|week|month|quarter|year
  std::string dimension;  // "", or what `values` are of
  std::map<std::string, Decimal> values;  // by value of the dimension
  // Not empty: the values are in this column of a lookup whose keys are values
  // of the dimension: "stores.daily_target".
  std::string lookup;
};

// What same_stores() tells stores by.
inline constexpr std::string_view kStoreDimension = "store";

struct KpiModel {
  std::string name, title, description, owner, dataset;
  std::string formula_text, where_text;
  Formula formula;             // aggregates resolved against the dataset
  ExpressionPtr where;         // resolved, or null
  std::string time_column;     // what ranges apply to; "" = the event's time
  std::string unit = "count";  // currency | percent | count | days | hours
                               // | minutes | celsius | ratio
  std::string currency;        // ISO 4217, with unit currency
  std::string good = "none";   // up | down | none
  std::optional<KpiTarget> target;
  std::vector<std::string> dimensions;
  std::vector<std::string> tags;
  // Found when the model is read: the cubes that serve it ("sales.auto_1"), and
  // which questions about it read rows, with the reason.
  std::vector<std::string> cubes, reads_rows;
};

// Degrees, north and east.
struct GeoPoint {
  double latitude = 0, longitude = 0;
};

struct TileModel {
  std::string kpi, title, show = "tile", grain, by, text;
  std::vector<std::string> steps;  // KPIs of a funnel; the first is `kpi`
  // Of a map: where each value of `by` lies, and lines drawn behind them.
  std::vector<std::pair<std::string, GeoPoint>> places;
  std::vector<std::vector<GeoPoint>> outline;
  int top = 10;
  int width = 1, height = 1;  // size: WxH
};

// Something known of a time, such as a promotion, marked on the page's lines.
struct AnnotationModel {
  std::string title, kind = "event";  // event | promotion | holiday
  Timestamp from, to;                 // [from, to)
};

struct DashboardModel {
  std::string name, title, description;
  std::string range = "today", compare = "previous", tz = "UTC";
  std::vector<std::string> filters;
  std::vector<TileModel> tiles;
  std::vector<AnnotationModel> annotations;
};

// `when` and `recover`: a comparison of the KPI value with a number.
struct Threshold {
  std::string op;  // > >= < <= = <>
  Decimal value;   // as written: "0.10" has two digits
  // Exactly, of an exact number; a double with the double nearest to `value`.
  // REQUIRES: a number.
  bool holds(const Value& v) const;
  std::string to_string() const;  // "> 0.08"
};
Result<Threshold> parse_threshold(std::string_view text);

struct AlertModel {
  std::string name, kpi, filter, severity = "warning", description;
  std::vector<std::string> by;
  int64_t window_ms = 3600'000, every_ms = 15'000, for_ms = 0;
  int64_t keep_firing_for_ms = 0, no_data_for_ms = 0;
  Threshold when;
  std::optional<Threshold> recover;  // default: `when` no longer holds
  std::string no_data = "keep";      // ok | alert | keep
  uint64_t min_rows = 0;
  std::vector<std::string> notify;  // contact names
  std::map<std::string, std::string> labels;
  bool enabled = true;
};

struct ContactModel {
  std::string name, kind;  // "webhook" | "alertmanager"
  std::string url;
  std::map<std::string, std::string> headers;
  std::vector<std::string> group_by;
  int64_t group_wait_ms = 30'000, group_interval_ms = 300'000;
  int64_t repeat_interval_ms = 4 * 3600'000;
  bool send_resolved = true, allow_private = false;
};

// freshet.yaml, then FRESHET_* variables, then flags.
struct Settings {
  std::string listen = "127.0.0.1:8080";
  std::string data;
  int scan_threads = 0;  // 0: one a core
  std::string tls_certificate, tls_key, token;
  bool insecure = false;
  std::string external_url;  // in alert payloads
  // Segment files are read again at so many bytes a second (0: never), all of
  // them once in so long.
  uint64_t scrub_rate = uint64_t{8} << 20;
  int64_t scrub_every_ms = int64_t{24} * 3600'000;
  Limits limits;  // of a query: query_timeout, query_max_...
};

// Overrides what FRESHET_LISTEN, FRESHET_DATA, FRESHET_SCAN_THREADS,
// FRESHET_TLS_CERTIFICATE, FRESHET_TLS_KEY, FRESHET_TOKEN, FRESHET_INSECURE and
// FRESHET_EXTERNAL_URL, FRESHET_SCRUB_... and FRESHET_QUERY_... set; secret
// references in them are resolved. Called by the application before it applies
// its flags, and again when secrets were rotated. kInvalid names the variable.
Status override_from_environment(Settings& settings);
// The files that references in these variables name.
std::set<std::string> environment_secret_files();

struct Model {
  std::string folder;
  std::string version;  // hash of the files' contents, not of secrets
  std::set<std::string> secret_files;  // that its ${file:PATH} name
  Settings settings;
  std::vector<DatasetModel> datasets;  // all lists sorted by name
  std::vector<LookupModel> lookups;
  std::vector<KpiModel> kpis;
  std::vector<DashboardModel> dashboards;  // in file order, for the menu
  std::vector<AlertModel> alerts;
  std::vector<ContactModel> contacts;

  // The lookups without rows: what expressions of the model were made with.
  std::shared_ptr<const LookupSource> lookup_shapes;

  const DatasetModel* dataset(std::string_view name) const;
  const LookupModel* lookup(std::string_view name) const;
  const KpiModel* kpi(std::string_view name) const;
  const DashboardModel* dashboard(std::string_view name) const;
  const ContactModel* contact(std::string_view name) const;
};

// One thing wrong with a model, as `freshet validate` prints it:
// "kpis/trading.yaml:12: unknown key 'formla'; did you mean 'formula'?"
struct ModelFault {
  std::string file;  // relative to the folder
  int line = 0;      // 1-based; 0 = the whole file
  std::string message;
  std::string key = "";  // that it is about, in a request's body: "when"
};
// "kpis/trading.yaml:12"; without the line of one about the whole file, and ""
// of one about the folder.
std::string place_of(const ModelFault& fault);
// One detail a fault: at "kpis/trading.yaml:12", or at its key in a body.
Error faults_error(std::string message, const std::vector<ModelFault>& faults,
                   ErrorCode code = ErrorCode::kInvalid);

struct ModelLoad {
  std::shared_ptr<const Model> model;  // null if there are faults
  std::shared_ptr<const Model> read;   // what could be read, also with faults
  std::vector<ModelFault> faults;
  // kIo or kUnavailable if the model is good, but could not be brought in
  // force.
  ErrorCode code = ErrorCode::kInvalid;
};
// "the model has faults:", and each of them on a line of its own.
std::string faults_text(const ModelLoad& load);
// Reads and validates the folder. Faults come in file and line order.
ModelLoad load_model(const std::string& folder);

// The same as if `file` of the folder had this text, or were not there.
struct ModelOverlay {
  std::string file;  // "datasets/sales.yaml"
  std::optional<std::string> text;
};
ModelLoad load_model(const std::string& folder, const ModelOverlay& overlay);

// An alert rule from the JSON body of PUT /api/v1/alerts/{name}: the same keys
// as in YAML, validated against `model`. kInvalid names the key.
class JsonValue;
Result<AlertModel> parse_alert_json(const JsonValue& body,
                                    const std::string& name,
                                    const Model& model);
// The rule as the JSON that parse_alert_json reads.
std::string alert_to_json(const AlertModel& alert);

// Writes the starter model into `folder` (`freshet init`). kInvalid if it is
// not empty.
Status write_starter_model(const std::string& folder);

}  // namespace freshet
