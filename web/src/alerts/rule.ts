// A rule as PUT /api/v1/alerts/{a} reads it, and its threshold as a form edits
// it.
import type { AlertRule } from '../api/types';
import type { Unit } from '../format/number';

// What is the rule's own; state and instances are the server's.
const kRuleKeys = [
  'kpi', 'filter', 'by', 'window', 'every', 'when', 'recover', 'for',
  'keep_firing_for', 'no_data', 'no_data_for', 'min_rows', 'severity',
  'notify', 'labels', 'description', 'enabled',
]; // prettier-ignore

export interface Threshold {
  op: string;
  value: number; // as shown: percent KPIs in per cent
}

const scale = (unit: Unit) => (unit.unit === 'percent' ? 100 : 1);
// 0.07 * 100 is 7.000000000000001.
const tidy = (value: number) => Number(value.toPrecision(12));

export function readThreshold(text: unknown, unit: Unit): Threshold | null {
  const match = /^\s*(>=|<=|<>|>|<|=)\s*(-?[\d.]+(?:e-?\d+)?)\s*$/i.exec(String(text ?? ''));
  if (!match) return null;
  return { op: match[1] ?? '>', value: tidy(Number(match[2]) * scale(unit)) };
}

export function writeThreshold(threshold: Threshold, unit: Unit): string {
  return `${threshold.op} ${tidy(threshold.value / scale(unit))}`;
}

export function ruleBody(rule: AlertRule): Record<string, unknown> {
  return Object.fromEntries(
    kRuleKeys
      .filter((key) => rule[key] !== undefined && rule[key] !== null && rule[key] !== '')
      .map((key) => [key, rule[key]]),
  );
}
