// Filters on a KPI's value for each row of a list, as the address writes them:
// "net_sales:above:1000;gross_margin:below:0.3".
import type { Question } from '../api/questions';
import type { KpiAnswer, KpiDefinition } from '../api/types';
import { nameOf } from './filter';

export const kOps = ['above', 'at_least', 'below', 'at_most'] as const;
export type Op = (typeof kOps)[number];

export interface Measure {
  kpi: string;
  op: Op;
  limit: number; // of a percentage, the ratio
}

export function parseMeasures(text: string): Measure[] {
  return text.split(';').flatMap((part): Measure[] => {
    const [kpi = '', name, limit = ''] = part.split(':');
    const op = kOps.find((known) => known === name);
    const number = Number(limit);
    if (!kpi || !op || limit.trim() === '' || !Number.isFinite(number)) return [];
    return [{ kpi, op, limit: number }];
  });
}

export const writeMeasures = (measures: Measure[]): string =>
  measures.map(({ kpi, op, limit }) => `${kpi}:${op}:${limit}`).join(';');

// A row without a value is neither above nor below.
export function holds({ op, limit }: Measure, value: unknown): boolean {
  if (typeof value !== 'number') return false;
  if (op === 'above') return value > limit;
  if (op === 'at_least') return value >= limit;
  return op === 'below' ? value < limit : value <= limit;
}

// Those that can be asked by `by`, and the others.
export function measuresFor(
  measures: Measure[],
  by: string,
  kpis: Map<string, KpiDefinition>,
): { usable: Measure[]; foreign: Measure[] } {
  const able = ({ kpi }: Measure) =>
    by.split(',').every((name) => kpis.get(kpi)?.dimensions.includes(name));
  return {
    usable: measures.filter(able),
    foreign: measures.filter((measure) => !able(measure)),
  };
}

// Rows come best first: what `top` leaves out of "above" is not above either,
// unless even the last is.
export function measureQuestion(
  measure: Measure,
  by: string,
  request: Question,
  top: number,
): Question {
  const { compare: _, grain: __, ...rest } = request;
  const low = measure.op === 'below' || measure.op === 'at_most';
  return { ...rest, order: low ? 'asc' : '', kpi: measure.kpi, by, top };
}

const key = (row: Record<string, unknown>, by: string) =>
  JSON.stringify(by.split(',').map((name) => nameOf(row[name])));

export interface Passing {
  has: (row: Record<string, unknown>) => boolean;
  cut: boolean; // more pass than the server lists
}

// The rows that pass all, from the answers to measureQuestion() in order.
export function passing(usable: Measure[], answers: KpiAnswer[], by: string): Passing {
  const sets = usable.map((measure, i) => {
    const rows = answers[i]?.rows ?? [];
    return new Set(rows.filter((row) => holds(measure, row.value)).map((row) => key(row, by)));
  });
  const cut = usable.some((measure, i) => {
    const { rows = [], rest = null } = answers[i] ?? {};
    return rest !== null && rest.count > 0 && holds(measure, rows.at(-1)?.value);
  });
  return { has: (row) => sets.every((set) => set.has(key(row, by))), cut };
}
