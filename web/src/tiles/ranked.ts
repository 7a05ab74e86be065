// Rows of a breakdown as a leaderboard: share of the whole, length of the bar,
// change against the comparison.
import type { AnswerRow, KpiAnswer, Target } from '../api/types';
import { nameOf } from '../filters/filter';
import { tidy } from '../format/number';

export interface Ranked {
  name: string; // '' where the dimension has no value
  value: number | null;
  length: number; // of the bar, 0..1
  share: number | null; // of the total; null where parts don't add up to it
  before: number | null; // of the comparison
  change: number | null;
  changeRatio: number | null;
  attained: number | null; // of the target this value has of its own
  due: number; // of that target, by now
}

const kAdditive = new Set(['currency', 'count']);

function number(row: AnswerRow, key: string): number | null {
  const value = row[key];
  return typeof value === 'number' ? value : null;
}

function targetOf(row: AnswerRow): Target | null {
  const target = row.target;
  return typeof target === 'object' && target !== null ? target : null;
}

// Sums and counts have shares; a ratio's parts don't add up. Neither do
// distinct counts: then the rows together exceed the total.
export function addsUp(answer: KpiAnswer): boolean {
  if (answer.sieve) return answer.sieve.adds;
  if (!kAdditive.has(answer.unit) || !answer.value) return false;
  const rows = answer.rows ?? [];
  const shown = rows.reduce((sum, row) => sum + (number(row, 'value') ?? 0), 0);
  const all = shown + (answer.rest?.value ?? 0);
  return Math.abs(all - answer.value) <= 1e-6 * Math.abs(answer.value) + 0.005;
}

export function ranked(answer: KpiAnswer, by: string): Ranked[] {
  const rows = answer.rows ?? [];
  const largest = Math.max(...rows.map((row) => Math.abs(number(row, 'value') ?? 0)));
  const total = addsUp(answer) ? answer.value : null;
  // Of a running range as much as of the whole's target.
  const { value: goal = 0, expected_by_now: now } = answer.target ?? {};
  const due = goal && now !== undefined ? now / goal : 1;
  return rows.map((row) => {
    const value = number(row, 'value');
    const before = number(row, 'compare');
    const change = value !== null && before !== null ? tidy(value - before) : null;
    return {
      name: nameOf(row[by]),
      value,
      length: largest > 0 ? Math.abs(value ?? 0) / largest : 0,
      share: total && value !== null ? value / total : null,
      before,
      change,
      changeRatio: change !== null && before ? change / Math.abs(before) : null,
      attained: targetOf(row)?.attained ?? null,
      due,
    };
  });
}
