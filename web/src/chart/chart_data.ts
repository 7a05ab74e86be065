// A KPI's series as the columns a chart draws: aligned, times in seconds.
import type { KpiAnswer, KpiDefinition } from '../api/types';
import { instant } from '../format/time';

export interface ChartData {
  grain: string;
  times: number[]; // seconds, bucket starts
  values: (number | null)[];
  firm: (number | null)[]; // values of buckets that are over
  open: (number | null)[]; // the bucket still running, joined to the last firm
  before: (number | null)[]; // of the comparison, same places
  beforeKind: string;
  target: number | null; // per bucket
  zeroBased: boolean;
}

const kMinutes: Record<string, number> = {
  minute: 1,
  five_minute: 5,
  fifteen_minute: 15,
  hour: 60,
  day: 1440,
  week: 10080,
  month: 43830,
  quarter: 131490,
  year: 525960,
};

// A target "per day" is cut to the bucket's length; one without a period, such
// as a margin, holds for any.
function targetOf(
  grain: string,
  definition: KpiDefinition | undefined,
): number | null {
  const target = definition?.target;
  if (!target) return null;
  if (!target.per) return target.value;
  const bucket = kMinutes[grain];
  const period = kMinutes[target.per];
  return bucket && period ? (target.value * bucket) / period : null;
}

export function chartData(
  answer: KpiAnswer,
  definition: KpiDefinition | undefined,
): ChartData {
  const grain = answer.grain ?? 'hour';
  const points = answer.series ?? [];
  const times = points.map((point) => (instant(point.t) ?? 0) / 1000);
  const before = new Map(
    (answer.compare?.series ?? []).map((p) => [(instant(p.t) ?? 0) / 1000, p.value]),
  );
  const last = points.length - 1;
  let running = points.findIndex((point) => point.partial);
  if (running < 0) running = last + 1;
  const values = points.map((point) => point.value);
  return {
    grain,
    times,
    // What lies ahead of the running bucket is no zero but unknown.
    values: values.map((v, i) => (i <= running ? v : null)),
    firm: values.map((v, i) => (i < running ? v : null)),
    open: values.map((v, i) => (i === running || i === running - 1 ? v : null)),
    before: times.map((time) => before.get(time) ?? null),
    beforeKind: answer.compare?.kind ?? '',
    target: targetOf(grain, definition),
    zeroBased: answer.unit === 'currency' || answer.unit === 'count',
  };
}
