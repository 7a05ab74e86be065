// One step back or forward by the range's own length.
import { instant, shiftDate, utcTime, wallTime } from '../format/time';
import type { View } from './view';

const kDay = 86_400_000;
const dayNumber = (date: string) => Date.parse(`${date}T00:00:00Z`) / kDay; // of a bare date, in UTC

function shiftMonth(date: string, months: number): string {
  const [year = 0, month = 1] = date.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
}

// `range` is what the server made of the view. Whole days and months stay so,
// whatever the clocks did; null if nothing is known.
export function stepped(
  view: View,
  range: { from: string; to: string } | undefined,
  direction: 1 | -1,
  now: number,
): Partial<View> | null {
  if (isDate(view.from) && isDate(view.to)) {
    const today = wallTime(now, view.tz).slice(0, 10);
    if (direction > 0 && view.to > today) return null;
    return byDays(view.from, view.to, direction, false);
  }
  const from = instant(view.from || range?.from);
  const to = instant(view.to || range?.to);
  if (from === null || to === null) return null;
  const [first, clock] = wallTime(from, view.tz).split('T') as [string, string];
  const [last, end] = wallTime(to, view.tz).split('T') as [string, string];
  if (clock !== '00:00:00' || (to - from < kDay / 2 && !view.range.endsWith('td'))) {
    const length = (to - from) * direction;
    if (direction > 0 && to >= now) return null;
    return { range: '', from: utcTime(from + length), to: utcTime(to + length) };
  }
  // A running range, such as the month to date, counts its last day whole.
  const after = end === '00:00:00' ? last : shiftDate(last, 1);
  if (direction > 0 && to >= now) return null;
  return byDays(first, after, direction, ['mtd', 'this_month'].includes(view.range));
}

const isDate = (text: string) => text.length === 10;

// [first, after) moved by its own length; of a month to date, by a month.
function byDays(
  first: string,
  after: string,
  direction: 1 | -1,
  month: boolean,
): Partial<View> {
  if (first.endsWith('-01') && (month || after.endsWith('-01'))) {
    const months = month ? 1 : monthsBetween(first, after);
    const start = shiftMonth(first, months * direction);
    return { range: '', from: start, to: shiftMonth(start, months) };
  }
  const days = Math.round(dayNumber(after) - dayNumber(first)) * direction;
  return { range: '', from: shiftDate(first, days), to: shiftDate(after, days) };
}

function monthsBetween(first: string, after: string): number {
  const [y1 = 0, m1 = 0] = first.split('-').map(Number);
  const [y2 = 0, m2 = 0] = after.split('-').map(Number);
  return (y2 - y1) * 12 + (m2 - m1);
}
