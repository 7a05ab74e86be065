// A rule as PUT /api/v1/alerts/{a} reads it, and its threshold as a form edits
// it.
import type { AlertInstance, AlertRule } from '../api/types';
import { scaleOf, tidy, type Unit } from '../format/number';

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

export function readThreshold(text: unknown, unit: Unit): Threshold | null {
  const match = /^\s*(>=|<=|<>|>|<|=)\s*(-?[\d.]+(?:e-?\d+)?)\s*$/i.exec(String(text ?? ''));
  if (!match) return null;
  return { op: match[1] ?? '>', value: tidy(Number(match[2]) * scaleOf(unit)) };
}

export function writeThreshold(threshold: Threshold, unit: Unit): string {
  return `${threshold.op} ${tidy(threshold.value / scaleOf(unit))}`;
}

// The instance whose value is nearest to firing.
export function nearest(instances: AlertInstance[], op: string): AlertInstance | null {
  const sign = op.startsWith('<') && op !== '<>' ? 1 : -1;
  const known = instances.filter((instance) => instance.value !== null);
  known.sort((a, b) => sign * ((a.value ?? 0) - (b.value ?? 0)));
  return known[0] ?? null;
}

export function ruleBody(rule: AlertRule): Record<string, unknown> {
  return Object.fromEntries(
    kRuleKeys
      .filter((key) => rule[key] !== undefined && rule[key] !== null && rule[key] !== '')
      .map((key) => [key, rule[key]]),
  );
}
