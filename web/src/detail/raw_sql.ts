// The rows behind a KPI's number, as SQL.
import type { KpiAnswer, KpiDefinition } from '../api/types';
import { valueOf, type Filter } from '../filters/filter';

const name = (text: string) => `"${text.replaceAll('"', '""')}"`;
const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
// "2026-11-22T00:00:00Z" as SQL writes it.
const time = (iso: string) =>
  `TIMESTAMP '${new Date(Date.parse(iso)).toISOString().slice(0, 23).replace('T', ' ')}'`;

function condition({ dimension, exclude, values }: Filter, at: string, tz: string): string {
  const named = values.filter((value) => value !== '');
  const part = { __hour: 'HOUR', __weekday: 'ISODOW' }[dimension];
  const column = part ? `TIME_EXTRACT(${at}, '${part}', ${text(tz)})` : name(dimension);
  const list = named.map(valueOf).map(part ? String : text).join(', ');
  const empty = values.includes('');
  if (exclude) {
    const others = named.length > 0 ? `${column} NOT IN (${list})` : '';
    if (empty) return others || `${column} IS NOT NULL`;
    return `(${column} IS NULL OR ${others})`;
  }
  const own = named.length > 0 ? [`${column} IN (${list})`] : [];
  return `(${[...own, ...(empty ? [`${column} IS NULL`] : [])].join(' OR ')})`;
}

// Levels and windows are made of rows of other times, too.
const kOther = /\b(first|last|rolling|to_date|before|same_stores|time_\w+)\s*\(/i;
export const hasRows = (kpi: KpiDefinition | undefined): boolean =>
  !!kpi?.dataset && !kOther.test(kpi.formula ?? '');

// The FROM and WHERE of the rows; '' for a KPI over other KPIs.
export function rowsOf(
  kpi: KpiDefinition,
  answer: KpiAnswer,
  filters: Filter[],
  tz: string,
): string {
  if (!kpi.dataset || !answer.range) return '';
  const at = name(kpi.time ?? '__time');
  const all = [
    `${at} >= ${time(answer.range.from)}`,
    `${at} < ${time(answer.range.to)}`,
    ...(kpi.where ? [`(${kpi.where})`] : []),
    ...filters.map((filter) => condition(filter, at, tz)),
  ];
  return `FROM ${name(kpi.dataset)}\nWHERE ${all.join('\n  AND ')}`;
}
