// Where a KPI's past stood beyond a limit.
import type { Point } from '../api/types';
import { instant } from '../format/time';
import type { Threshold } from './rule';

export interface Breaches {
  buckets: number; // with a value
  beyond: number; // of them
  spells: { from: number; to: number }[]; // ms, of adjacent ones
  longest: number; // ms
}

const kHolds: Record<string, (value: number, limit: number) => boolean> = {
  '>': (v, l) => v > l,
  '>=': (v, l) => v >= l,
  '<': (v, l) => v < l,
  '<=': (v, l) => v <= l,
  '=': (v, l) => v === l,
  '<>': (v, l) => v !== l,
};

// `limit` in the KPI's own numbers; buckets that are still running don't count.
export function breaches(series: Point[], op: string, limit: number): Breaches {
  const holds = kHolds[op] ?? (() => false);
  const out: Breaches = { buckets: 0, beyond: 0, spells: [], longest: 0 };
  let open = false;
  series.forEach((point, i) => {
    if (point.value === null || point.partial) {
      open = false;
      return;
    }
    out.buckets += 1;
    const from = instant(point.t) ?? 0;
    const to = instant(series[i + 1]?.t) ?? from;
    if (!holds(point.value, limit)) {
      open = false;
      return;
    }
    out.beyond += 1;
    const last = out.spells.at(-1);
    if (open && last) last.to = to;
    else out.spells.push({ from, to });
    open = true;
  });
  out.longest = Math.max(0, ...out.spells.map((spell) => spell.to - spell.from));
  return out;
}

export const limitOf = (when: Threshold, unit: string) =>
  unit === 'percent' ? when.value / 100 : when.value;
