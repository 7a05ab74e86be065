// The range a KPI is expected in, for each bucket of a line: from the lowest to
// the highest of the same bucket in the weeks before, as the server answers
// for them. Weeks without data don't count; fewer than two make no range.
import { answersTo, type Question } from '../api/questions';
import type { KpiAnswer, Point } from '../api/types';
import { instant, shiftWall, wallTime } from '../format/time';

export interface Expected {
  low: number | null;
  high: number | null;
  weeks: number; // it was taken from
}

const kWeeks = 4;
const kLeast = 2;
const kWeek = 7 * 86_400_000;
const kMostPoints = 800;

// Weeks are alike by the minute, hour or day, not by the month.
export const hasExpected = ({ grain, series }: KpiAnswer): boolean =>
  /minute|hour|day/.test(grain ?? '') && (series?.length ?? 0) <= kMostPoints;

// By the bucket's start on the wall: a change of clocks shifts nothing.
const wallOf = (t: string) => t.slice(0, 19);

export type Asked = Pick<KpiAnswer, 'kpi' | 'range' | 'grain'> & { request: Question };

export async function expectedOf(asked: Asked, tz: string): Promise<Map<string, Expected>> {
  const { range, kpi, grain = 'hour' } = asked;
  const filter = asked.request.filter ?? '';
  const [from, to] = [instant(range?.from), instant(range?.to)];
  if (from === null || to === null) return new Map();
  const back = (ms: number, weeks: number) => shiftWall(wallTime(ms, tz), 0, -weeks * kWeek);
  const weeks = Array.from({ length: kWeeks }, (_, i) => i + 1);
  const answers = await answersTo(
    weeks.map((n) => ({ kpi, filter, tz, grain, from: back(from, n), to: back(to, n) })),
  );
  // An amount is 0 also in the time before the first event, of which nothing is
  // known; the bucket of that event is not whole.
  const known = answers.map(({ series }) => series ?? []);
  const oldest = known.findLastIndex((points) => points.some(({ value }) => value));
  const found = new Map<string, number[]>();
  known.slice(0, oldest + 1).forEach((points, i) => {
    const first = i === oldest ? points.findIndex(({ value }) => value) : 0;
    points.forEach(({ t, value }, at) => {
      if (value === null || (first > 0 && at <= first)) return;
      const key = shiftWall(wallOf(t), 0, (i + 1) * kWeek);
      found.set(key, [...(found.get(key) ?? []), value]);
    });
  });
  return new Map([...found].map(([key, values]) => [key, rangeOf(values)]));
}

function rangeOf(values: number[]): Expected {
  const weeks = values.length;
  if (weeks < kLeast) return { low: null, high: null, weeks };
  return { low: Math.min(...values), high: Math.max(...values), weeks };
}

export function expectedAt(
  expected: Map<string, Expected> | null,
  points: Point[],
): Expected[] | null {
  if (!expected) return null;
  const none = { low: null, high: null, weeks: 0 };
  return points.map(({ t }) => expected.get(wallOf(t)) ?? none);
}
