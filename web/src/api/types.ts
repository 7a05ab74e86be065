// What the server's JSON API sends. Times are ISO 8601 strings with their
// offset, numbers that have no value are null.

import type { Measure } from '../filters/measure';

export type Good = 'up' | 'down' | 'none';

export interface ApiErrorBody {
  code: string;
  message: string;
  details?: { path: string; message: string }[];
  request_id?: string;
}

export interface Point {
  t: string;
  value: number | null;
  partial?: boolean;
  restated?: boolean; // changed after it was over: late or corrected events
}

export interface Target {
  value: number;
  attained?: number | null;
  // Of a running range, for a target that fills up over it.
  expected_by_now?: number;
  on_pace?: boolean;
}

export interface Comparison {
  kind: string;
  value: number | null;
  change: number | null; // null where one of the two has no value
  change_ratio: number | null; // null, too, where the compared value is 0
  series?: Point[]; // adds up to `value`: cut where our range has come to
  ahead?: Point[]; // how the compared range went on, in whole buckets
}

// One group of a breakdown: the dimension's value under its name, the number
// under `value`.
export type AnswerRow = Record<string, string | number | boolean | null | Target>;

export interface Provenance {
  as_of: string | null;
  lag_ms: number;
  complete: boolean;
  exact: boolean;
  served_by: string[];
  segments: number;
  rows_scanned: number;
  late_or_rejected: number;
  // Of each topic's partitions: read from the first to before the second.
  offsets?: Record<string, Record<string, [number, number]>>;
  elapsed_ms: number;
}

// What filters on values left of a breakdown; made by the page.
export interface Sieve {
  passed: number | null; // rows; null: no filter could be asked by this dimension
  all: number;
  cut: boolean; // there are more rows than the server lists: some may be missing
  adds: boolean; // all rows together are the total
  foreign: Measure[]; // filters that can't be asked by this dimension
}

export interface KpiAnswer {
  kpi: string;
  range?: { from: string; to: string };
  begins?: string; // the first event, where the range begins before it
  steps?: KpiAnswer[]; // of a funnel, which has nothing else
  value: number | null;
  unit: string;
  currency?: string;
  reason?: string;
  newest?: string | null;
  compare?: Comparison | null;
  target?: Target | null;
  target_omitted?: string; // why the KPI's target is not said here
  grain?: string; // of the series; coarser than asked for if too many points
  series?: Point[];
  rows?: AnswerRow[];
  total_rows?: number;
  rest?: { value: number | null; count: number } | null;
  provenance?: Provenance;
  sieve?: Sieve;
}

export interface TileDefinition {
  kpi: string;
  title: string;
  show: string;
  size: string; // columns x rows: "2x1"
  grain?: string;
  by?: string;
  top?: number;
  unit?: string;
  currency?: string;
  good?: Good;
  text?: string;
  steps?: { kpi: string; title: string }[]; // of a funnel
  places?: Record<string, [number, number]>; // of a map: degrees north, east
  outline?: [number, number][][];
}

// How far the tiles of a dashboard are, the worst of them.
export interface StreamFreshness {
  as_of: string | null;
  lag_ms: number;
  complete: boolean; // false: a source is not read to its end any more
}

export interface DashboardSummary {
  dashboard: string;
  title: string;
  description?: string;
  tz?: string; // of the list only; its definition has it under `default`
}

// Something known of a time: [from, to).
export interface Annotation {
  title: string;
  kind: 'event' | 'promotion' | 'holiday';
  from: string;
  to: string;
}

export interface DashboardDefinition extends DashboardSummary {
  default: { range: string; compare: string; tz: string };
  filters: string[];
  tiles: TileDefinition[];
  annotations?: Annotation[];
}

export interface KpiDefinition {
  kpi: string;
  title: string;
  description?: string;
  owner?: string;
  dataset?: string;
  formula?: string;
  where?: string;
  time?: string; // the column its ranges go by, if not __time
  sql?: string;
  unit: string;
  currency?: string;
  good: Good;
  // One for the whole, or `values` by the values of `dimension`.
  target?: { value?: number; per?: string; dimension?: string } | null;
  dimensions: string[];
}

// One value of a dimension and its part in a KPI's change; the value stands
// under the dimension's name.
export interface Driver {
  value: number | null;
  compare: number | null;
  contribution: number | null;
  share?: number;
  rate_effect?: number;
  mix_effect?: number;
  [dimension: string]: string | number | boolean | null | undefined;
}
export interface KpiDrivers {
  value: number | null;
  reason?: string;
  compare: { value: number | null; change: number | null };
  method: string;
  dimensions: {
    dimension: string;
    score: number; // 0 all moved alike, 1 few did it all
    adds_up: boolean;
    drivers: Driver[];
    rest?: { count: number; contribution: number | null };
  }[];
}

export interface AlertInstance {
  labels: Record<string, string>;
  state: string;
  value: number | null;
  since: string | null;
}

export interface AlertRule {
  alert: string;
  kpi: string;
  severity: string;
  state: string;
  description?: string;
  instances?: AlertInstance[];
  [key: string]: unknown;
}

export interface DatasetStatus {
  dataset: string;
  title?: string;
  rows?: number;
  segments?: number;
  bytes?: number;
  as_of?: string | null;
  lag_ms?: number;
  complete?: boolean;
  state?: string;
  error?: string;
  damaged_segments?: number;
  damaged?: string[]; // the first of them: file and block
  [key: string]: unknown;
}

export interface IngestionStatus {
  dataset?: string;
  state: string;
  error?: string;
  rows_per_second?: number;
  rejected?: Record<string, number>;
  as_of?: string | null;
  lag_ms?: number;
  [key: string]: unknown;
}
