// A KPI's series as the columns a chart draws: aligned, times in seconds.
import type { KpiAnswer, KpiDefinition, Point } from '../api/types';
import { instant, spanOf } from '../format/time';
import { expectedAt, type Expected } from './expected';

export interface ChartData {
  grain: string;
  times: number[]; // seconds, bucket starts
  values: (number | null)[];
  firm: (number | null)[]; // values of buckets that are over
  open: (number | null)[]; // of buckets that may still grow, joined to the firm
  before: (number | null)[]; // of the comparison, as far as ours has come
  cut: boolean[]; // the comparison is a part of its own bucket
  ahead: (number | null)[]; // how the comparison went on, whole buckets
  ghost: (number | null)[]; // `ahead`, joined to what is before it
  beforeKind: string;
  target: number | null; // per bucket
  zeroBased: boolean;
  restated: boolean[];
  starts: string[]; // the buckets' starts, as the server wrote them
  end: string; // of the last bucket
  expected: Expected[] | null; // null where nobody asked for it
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

// A target without a period, such as a margin, holds for any bucket; one "per
// day" for days and longer. Shops don't sell evenly: no hour has its share.
function targetOf(
  answer: KpiAnswer,
  grain: string,
  definition: KpiDefinition | undefined,
): number | null {
  const target = definition?.target;
  const own = answer.target?.value;
  if (!target || own === undefined) return null;
  if (!target.per) return own;
  const bucket = kMinutes[grain];
  const period = kMinutes[target.per];
  if (!bucket || !period || bucket < period) return null;
  if (!target.dimension) return ((target.value ?? 0) * bucket) / period;
  // Of those that are filtered only the range's is said; months are not alike.
  const { from = '', to = '' } = answer.range ?? {};
  const minutes = spanOf(from.slice(0, 19), to.slice(0, 19)) / 60_000;
  return /day|week/.test(grain) && minutes > 0 ? (own * bucket) / minutes : null;
}

function byTime(points: Point[] | undefined): Map<number, Point> {
  return new Map((points ?? []).map((p) => [(instant(p.t) ?? 0) / 1000, p]));
}

export function chartData(
  answer: KpiAnswer,
  definition: KpiDefinition | undefined,
  expected: Map<string, Expected> | null = null,
): ChartData {
  const grain = answer.grain ?? 'hour';
  const points = answer.series ?? [];
  const times = points.map((point) => (instant(point.t) ?? 0) / 1000);
  const before = byTime(answer.compare?.series);
  const later = byTime(answer.compare?.ahead);
  // A bucket that has not begun has no value.
  const values = points.map((point) => point.value);
  const grows = points.map((point) => point.partial ?? false);
  const beforeValues = times.map((time) => before.get(time)?.value ?? null);
  const ahead = times.map((time) => later.get(time)?.value ?? null);
  return {
    grain,
    times,
    values,
    firm: values.map((v, i) => (grows[i] ? null : v)),
    open: values.map((v, i) =>
      grows[i] || grows[i - 1] || grows[i + 1] ? v : null,
    ),
    before: beforeValues,
    cut: times.map((time) => before.get(time)?.partial ?? false),
    ahead,
    ghost: ahead.map((value, i) =>
      value === null && (ahead[i + 1] ?? null) !== null
        ? (beforeValues[i] ?? null)
        : value,
    ),
    beforeKind: answer.compare?.kind ?? '',
    target: targetOf(answer, grain, definition),
    restated: points.map((point) => point.restated ?? false),
    starts: points.map((point) => point.t),
    end: answer.range?.to ?? '',
    expected: expectedAt(expected, points),
    zeroBased: answer.unit === 'currency' || answer.unit === 'count',
  };
}
