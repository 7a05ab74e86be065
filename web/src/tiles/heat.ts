// The cells of a heat map: hours of the day by days of the week.
import type { AnswerRow, KpiAnswer } from '../api/types';
import { instant } from '../format/time';
import { addsUp } from './ranked';

export interface HeatCell {
  weekday: number; // 1 is Monday
  hour: number;
  value: number | null;
  times: number; // how often the range has this hour
  typical: number | null; // of one such hour
  step: number; // 0 no value, 1..5 from least to most
}

const kHour = 3_600_000;
const kWeek = 168 * kHour;
const kMostWeeks = 60; // counted hour by hour

const number = (row: AnswerRow, key: string) =>
  typeof row[key] === 'number' ? row[key] : null;

// How often each hour of the week has begun in [from, to). Kept until an hour
// begins at either end: live updates come several times a second.
const kKept = new Map<string, Map<number, number>>();
const kMostKept = 8;

function occurrences(from: number, to: number, tz: string): Map<number, number> {
  const key = `${Math.ceil(from / kHour)} ${Math.ceil(to / kHour)} ${tz}`;
  let count = kKept.get(key);
  if (!count) {
    count = counted(from, to, tz);
    if (kKept.size >= kMostKept) kKept.clear();
    kKept.set(key, count);
  }
  return count;
}

function counted(from: number, to: number, tz: string): Map<number, number> {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: tz,
    weekday: 'short',
    hour: 'numeric',
    hourCycle: 'h23',
  });
  const days = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
  const count = new Map<number, number>();
  const first = Math.ceil(from / kHour) * kHour;
  // Each week has each hour once, but for a change of clocks.
  const before = Math.max(0, Math.floor((to - first) / kWeek) - kMostWeeks);
  for (let at = first + before * kWeek; at < to; at += kHour) {
    const said = parts.formatToParts(at);
    const day = said.find((part) => part.type === 'weekday')?.value ?? '';
    const hour = Number(said.find((part) => part.type === 'hour')?.value);
    const key = (days.indexOf(day) + 1) * 24 + hour;
    count.set(key, (count.get(key) ?? before) + 1);
  }
  return count;
}

// Amounts of a long range are those of a typical hour: a month has more of some
// weekdays than of others. Ratios and distinct counts are the server's, over all
// such hours.
export function heatCells(answer: KpiAnswer, tz: string): HeatCell[] {
  // Hours before the first event are none.
  const first = Math.floor((instant(answer.begins) ?? 0) / kHour) * kHour;
  const from = Math.max(instant(answer.range?.from) ?? 0, first);
  const asOf = instant(answer.provenance?.as_of) ?? Infinity;
  const to = Math.min(instant(answer.range?.to) ?? 0, asOf);
  const often = addsUp(answer) ? occurrences(from, to, tz) : new Map<number, number>();
  const values = new Map<number, number | null>();
  for (const row of answer.rows ?? []) {
    const key = (number(row, '__weekday') ?? 0) * 24 + (number(row, '__hour') ?? 0);
    values.set(key, number(row, 'value'));
  }
  const cells: HeatCell[] = [];
  for (let weekday = 1; weekday <= 7; weekday += 1) {
    for (let hour = 0; hour < 24; hour += 1) {
      const key = weekday * 24 + hour;
      const value = values.get(key) ?? null;
      const times = Math.max(1, often.get(key) ?? 1);
      const typical = value === null ? null : value / times;
      cells.push({ weekday, hour, value, times, typical, step: 0 });
    }
  }
  return shaded(cells);
}

function shaded(cells: HeatCell[]): HeatCell[] {
  const known = cells.flatMap((cell) => (cell.typical === null ? [] : [cell.typical]));
  const low = Math.min(...known);
  const span = Math.max(...known) - low;
  return cells.map((cell) => {
    if (cell.typical === null) return cell;
    const share = span > 0 ? (cell.typical - low) / span : 0.5;
    return { ...cell, step: 1 + Math.min(4, Math.floor(share * 5)) };
  });
}
