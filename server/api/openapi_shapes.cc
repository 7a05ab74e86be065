#include "server/api/openapi_shapes.h"

namespace freshet {
namespace {

constexpr NamedShape kShapes[] = {
    {"Error", "error:Fault"},
    {"Fault",
     "code:string message:string line?:integer column?:integer "
     "details:[FaultDetail] request_id:string",
     R"({"code":"invalid","message":"unknown range 'tody'; did you mean 'today'?","details":[{"path":"range","message":"unknown range 'tody'; did you mean 'today'?"}],"request_id":"5f1c"})"},
    {"FaultDetail", "path:string message:string"},
    {"DruidError", "error:string errorMessage?:string ..."},
    {"Range", "from:time to:time"},
    {"Point", "t:time value:number|null partial:boolean restated?:boolean"},
    {"Comparison",
     "kind:string range:Range value:number|null change:number|null "
     "change_ratio:number|null series?:[Point] ahead?:[Point]"},
    {"Target",
     "value:number attained?:number expected_by_now?:number on_pace?:boolean "
     "expected_from?:(past_weeks,elapsed_time) weeks?:integer"},
    {"Row", "value:number|null compare?:number|null target?:Target ..."},
    {"Rest", "value:number|null count:integer"},
    // served_by also names lookups that were never read.
    {"Provenance",
     "as_of?:time|null lag_ms:integer complete:boolean exact:boolean "
     "served_by:[string] why_not?:[string] segments:integer "
     "rows_scanned:integer offsets?:{{[integer]}} late_or_rejected:integer "
     "elapsed_ms:number"},
    {"KpiAnswer",
     "kpi:string value:number|null reason?:string newest?:time unit?:string "
     "currency?:string range:Range begins?:time tz:string "
     "compare?:Comparison target?:Target target_omitted?:string grain?:string "
     "series?:[Point] "
     "rows?:[Row] total_rows?:integer rest?:Rest provenance:Provenance"},
    {"KpiRequest",
     "kpi:string range?:string from?:string to?:string tz?:string "
     "grain?:string by?:[string]|string top?:integer order?:(value,asc,name) "
     "filter?:string compare?:string why_not?:boolean ."},
    {"KpiBatch", "queries:[KpiRequest] .",
     R"({"queries":[{"kpi":"net_sales","range":"today","tz":"Europe/Madrid","compare":"same_day_last_week"}]})"},
    {"KpiAnswers", "answers:[KpiAnswer|Error]"},
    {"DriversComparison",
     "kind:string range:Range value:number|null change:number|null "
     "change_ratio:number|null"},
    {"Driver",
     "value:number|null compare:number|null contribution:number|null "
     "share?:number rate_effect?:number mix_effect?:number support:number "
     "..."},
    {"OtherDrivers",
     "count:integer contribution:number|null share?:number "
     "rate_effect?:number mix_effect?:number"},
    {"DimensionDrivers",
     "dimension:string score:number adds_up:boolean values:integer "
     "drivers:[Driver] rest?:OtherDrivers"},
    {"KpiDrivers",
     "kpi:string value:number|null reason?:string unit?:string "
     "currency?:string good?:string range:Range tz:string "
     "compare:DriversComparison method:(contribution,rate_and_mix,difference) "
     "min_support:number dimensions:[DimensionDrivers] provenance:Provenance"},
    {"GivenTarget",
     "value?:number per?:string dimension?:string lookup?:string "
     "values?:{number}"},
    {"KpiCube",
     "cube:string bytes?:integer rows?:integer segments?:integer "
     "segment_bytes?:integer"},
    {"Kpi",
     "kpi:string title:string description?:string owner?:string "
     "dataset?:string formula:string where?:string time?:string unit?:string "
     "currency?:string good?:string target?:GivenTarget dimensions:[string] "
     "tags:[string] version:string cubes:[KpiCube] reads_rows?:[string] "
     "sql?:string sql_omitted?:string"},
    {"KpiList", "kpis:[Kpi]"},
    {"Deployed",
     "dataset?:string kpi?:string dashboard?:string version?:integer "
     "model:string"},
    {"DashboardSummary",
     "dashboard:string title:string description?:string tz:string"},
    {"DashboardList", "dashboards:[DashboardSummary]"},
    {"DashboardDefault", "range?:string compare?:string tz?:string"},
    {"FunnelStep", "kpi:string title:string"},
    {"Tile",
     "kpi?:string title?:string show:string grain?:string by?:string "
     "top?:integer size:string unit?:string currency?:string good?:string "
     "text?:string description?:string steps?:[FunnelStep] places?:{[number]} "
     "outline?:[any]"},
    {"Dashboard",
     "dashboard:string title:string description?:string "
     "default:DashboardDefault filters:[string] annotations?:[object] "
     "tiles:[Tile]"},
    {"AlertInstance",
     "labels:{string} state:(ok,pending,firing,no_data) value:number|null "
     "since:time|null"},
    {"Alert",
     "alert:string description?:string kpi?:string filter?:string "
     "by?:[string] window?:string every?:string when?:string recover?:string "
     "for?:string keep_firing_for?:string no_data?:(ok,alert,keep) "
     "no_data_for?:string min_rows?:integer severity?:string "
     "notify?:[string] labels?:{string} enabled?:boolean "
     "state:(ok,pending,firing,no_data) stored:boolean error?:string "
     "as_of:time|null instances:[AlertInstance]"},
    {"AlertList", "alerts:[Alert]"},
    {"AlertEdit",
     "alert?:string description?:string|null kpi?:string "
     "filter?:string|null by?:[string]|null window?:string|null "
     "every?:string|null when?:string recover?:string|null for?:string|null "
     "keep_firing_for?:string|null no_data?:(ok,alert,keep)|null "
     "no_data_for?:string|null min_rows?:integer|null severity?:string|null "
     "notify?:[string]|null labels?:{string}|null enabled?:boolean|null "
     "state?:any stored?:any error?:any as_of?:any instances?:any .",
     R"({"when":"> 0.08","recover":"< 0.06"})"},
    {"AlertTurn",
     "t:time labels:{string} from:string to:string value:number|null"},
    {"AlertHistory", "history:[AlertTurn]"},
    {"ViewBody", "title:string address:string description?:string .",
     R"({"title":"Madrid","address":"/d/trading?filter=store:S01"})"},
    {"View",
     "view:string title:string description:string address:string "
     "saved_at:time"},
    {"ViewList", "views:[View]"},
    {"LineError", "line:integer message:string"},
    {"IngestAnswer",
     "accepted:integer rejected:integer errors:[LineError] "
     "offsets:{integer}"},
    {"Column", "name:string type:string cardinality?:string measure?:boolean"},
    {"Rollup", "granularity:string tz:string"},
    {"Dataset",
     "dataset:string title:string description?:string source:string "
     "format:string columns:[Column] rollup?:Rollup rows?:integer "
     "live_rows?:integer hidden_rows?:integer segments?:integer "
     "bytes?:integer damaged_segments?:integer damaged?:[string] as_of?:time "
     "lag_ms?:integer complete?:boolean late_or_rejected?:integer "
     "state?:string error?:string"},
    {"DatasetList", "datasets:[Dataset]"},
    {"StoredColumn", "name:string types:[string]"},
    {"StoredTypes", "dataset:string columns:[StoredColumn]"},
    {"DatasetVersion",
     "version:integer when:time who:string action:string definition:string"},
    {"DatasetVersions", "versions:[DatasetVersion]"},
    {"Sample", "definition?:string|object events?:[string] sample?:integer .",
     R"({"events":["{\"ts\":\"2026-11-22T10:00:00Z\",\"store\":\"S01\"}"]})"},
    {"Partition",
     "partition:string next:integer committed:integer low?:integer "
     "high?:integer lag?:integer watermark?:time error?:string "
     "stopped:boolean"},
    {"LetterCounts", "kept:integer bytes:integer dropped:integer"},
    {"LastError",
     "time:time reason:string message:string partition?:string "
     "offset?:integer"},
    {"Ingestion",
     "dataset:string state:string error?:string last_errors:[LastError] "
     "partitions:[Partition] rows:integer bytes:integer "
     "rows_per_second:number bytes_per_second:number "
     "rejected_per_second:number rejected:{integer} "
     "dead_letters:LetterCounts replayed:integer filtered:integer "
     "duplicates:integer replaced:integer deleted:integer outdated:integer "
     "as_of?:time lag_ms:integer caught_up:boolean complete:boolean "
     "live_rows:integer live_bytes:integer last_seal?:time "
     "last_seal_error?:string"},
    {"Reset",
     "to:(earliest,latest,offsets,timestamp) offsets?:{integer} "
     "timestamp?:string partitions?:[string] dry_run?:boolean .",
     R"({"to":"earliest","dry_run":true})"},
    {"LookupColumn", "name:string type:string"},
    {"Lookup",
     "lookup:string title:string description?:string owner?:string key:string "
     "columns:[LookupColumn] source:string state:string error?:string "
     "complete:boolean rows:integer memory_bytes:integer max_keys:integer "
     "max_bytes:integer changed?:time age_ms?:integer messages?:integer "
     "rejected?:integer lag?:integer last_rejection?:string"},
    {"LookupList", "lookups:[Lookup]"},
    {"LookupRows", "rows:[object] total_rows:integer next?:string"},
    {"LookupWrite", "rows:integer repeated:integer keys:integer"},
    {"LineageList", "lineage:[object]"},
    {"SqlRequest",
     "sql:string tz?:string use_cubes?:boolean why_not?:boolean "
     "use_cache?:boolean populate_cache?:boolean .",
     R"({"sql":"SELECT store, SUM(net) AS net FROM sales GROUP BY 1","tz":"Europe/Madrid"})"},
    {"SqlAnswer", "rows:[object] provenance:Provenance"},
    {"DruidColumns", "dimensions:[string] metrics:[string]"},
    {"DruidSql", "query:string context?:object ..."},
    {"Readiness", "status:(ready,not_ready) reasons:[string]"},
    {"Checkpoint", "checkpoint:string"},
    {"ModelVersion", "version:string"},
};

constexpr DescribedParameter kParameters[] = {
    {"dataset", "string", "Name of a dataset"},
    {"d", "string", "Name of a dataset or dashboard"},
    {"k", "string", "Name of a KPI"},
    {"a", "string", "Name of an alert rule"},
    {"l", "string", "Name of a lookup"},
    {"v", "string", "A saved view, by `view` of its answer"},
    {"c", "string", "A checkpoint, by the last part of its name"},
    {"key", "string", "Key of a lookup's row"},
    {"verb", "(pause,resume,restart,seal)", "What the stream is to do"},
    {"kind", "(dataset,lookup,kpis,dashboard,alerts,settings)",
     "Of model files"},
    {"id", "string", "Of a query, or of a dead letter: log/0/12"},
    {"range", "string",
     "today, yesterday, this_week, last_7d, mtd, -4h, ...; or from and to"},
    {"from", "string", "Beginning of the range, ISO 8601"},
    {"to", "string", "End of the range, ISO 8601, not part of it"},
    {"tz", "string", "Time zone that days and buckets are cut in; UTC"},
    {"grain", "string",
     "Buckets of the series: minute, five_minute, fifteen_minute, hour, day, "
     "week, month, quarter, year, or an ISO period"},
    {"by", "string", "Dimensions to group by: store,channel"},
    {"order", "(value,asc,name)", "Of the rows; value: the largest first"},
    {"top", "integer", "So many rows, and the rest of them in one"},
    {"filter", "string",
     "store:S01,S02;channel:!web; null is a missing value, \"\" an empty one, "
     "and \\ takes the next character as it is"},
    {"compare", "string",
     "previous, same_day_last_week, last_year, last_year_364, none or FROM/TO"},
    {"why_not", "boolean", "Whether to say why cubes were not used"},
    {"min_support", "number", "Drivers with less of the whole are in the rest"},
    {"dashboard", "string", "Name of a dashboard"},
    {"last_event_id", "string", "As the header, for clients that set none"},
    {"after", "string", "`next` of the page before"},
    {"limit", "integer", "Rows of a page"},
    {"reason", "string", "Dead letters of this reason"},
    {"all", "boolean", "Whether all dead letters are meant"},
    {"Idempotency-Key", "string",
     "Events of a key that was taken before are not taken again"},
    {"Content-Encoding", "(gzip,zstd)", "Of the body"},
    {"Last-Event-ID", "string", "The stream goes on behind this event"},
};

}  // namespace

std::span<const NamedShape> api_shapes() { return kShapes; }
std::span<const DescribedParameter> api_parameters() { return kParameters; }

}  // namespace freshet
