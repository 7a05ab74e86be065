// Whether a change is good for its KPI. What is written as 0 has no direction,
// however the digits behind it go.
import type { Good } from '../api/types';
import { change, percent, type Unit } from './number';

export type Tone = 'good' | 'bad' | 'muted';

// As it is read: "0.0 pp", "0%" and "€0.00" are no change.
export const isZero = (text: string) => !/[1-9]/.test(text);

// `ratio` is the change as a part of what it was, with its digits on screen;
// percentages change in points, and have none.
export function directionOf(
  amount: number | null | undefined,
  of: Unit,
  ratio?: number | null,
  digits = 1,
): -1 | 0 | 1 {
  if (!amount) return 0;
  const byRatio = of.unit !== 'percent' && typeof ratio === 'number';
  const text = byRatio ? percent(ratio, digits) : change(amount, of);
  if (isZero(text)) return 0;
  return amount > 0 ? 1 : -1;
}

export function toneOf(direction: -1 | 0 | 1, good: Good): Tone {
  if (good === 'none' || direction === 0) return 'muted';
  return direction > 0 === (good === 'up') ? 'good' : 'bad';
}
