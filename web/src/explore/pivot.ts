// Rows by columns with totals. Each total is the server's own answer, so that
// ratios and distinct counts are right; all come from one batch, so they tie.
import { answersTo as answers, ask, kMostRows, type Question } from '../api/questions';
import type { AnswerRow, KpiAnswer, KpiDefinition, Sieve } from '../api/types';
import { nameOf, parseFilters } from '../filters/filter';
import type { Measure } from '../filters/measure';
import { sievedRows } from '../filters/sieve';
import { t } from '../messages/messages';
import { server } from '../state/status.svelte';
import { shiftDate, wallTime, weekday } from '../format/time';
import { filterValue } from '../format/words';
import type { Unit } from '../format/number';

export interface Pivot {
  columns: { title: string; unit: Unit; value?: string }[]; // of a dimension
  rows: { name: string; cells: (number | null)[]; total: number | null }[];
  totals: (number | null)[];
  total: number | null; // of everything; null beside different KPIs
  unit: Unit;
  hasTotal: boolean; // columns of one KPI have a total across
  moreRows: number;
  moreColumns: number;
  sieve?: Sieve | null;
}

// What columns can be besides dimensions.
export const kSpecial = ['__kpis', '__days', '__weekday', '__hour'] as const;

const kMostColumns = 40;
const kMostDays = 62;

const number = (row: AnswerRow | undefined, key = 'value') =>
  typeof row?.[key] === 'number' ? row[key] : null;
const label = (row: AnswerRow, by: string) => nameOf(row[by]);

// A column a question: KPIs beside each other, with the rows of any, or days.
function beside(
  by: string,
  columns: { title: string; answer: KpiAnswer }[],
  whole: KpiAnswer | null,
): Pivot {
  const first = whole ?? columns[0]?.answer;
  const listed = whole ? [whole] : columns.map(({ answer }) => answer);
  const names = listed.flatMap(({ rows = [] }) => rows.map((row) => label(row, by)));
  const found = columns.map(
    ({ answer }) =>
      new Map((answer.rows ?? []).map((row) => [label(row, by), number(row)])),
  );
  const totals = new Map((whole?.rows ?? []).map((row) => [label(row, by), number(row)]));
  return {
    columns: columns.map(({ title, answer }) => ({ title, unit: answer })),
    rows: [...new Set(names)].map((name) => ({
      name,
      cells: found.map((values) => values.get(name) ?? null),
      total: totals.get(name) ?? null,
    })),
    totals: columns.map(({ answer }) => answer.value),
    total: whole?.value ?? null,
    unit: first ?? { unit: 'count' },
    hasTotal: whole !== null,
    moreRows: Math.max(0, ...listed.map(({ rest }) => rest?.count ?? 0)),
    moreColumns: 0,
  };
}

async function byKpis(
  by: string,
  kpis: KpiDefinition[],
  request: Question,
): Promise<Pivot> {
  const needed = [by, ...parseFilters(String(request.filter ?? '')).map((f) => f.dimension)];
  const able = kpis.filter((kpi) =>
    needed.every((name) => name.startsWith('__') || kpi.dimensions.includes(name)),
  );
  const asked = await ask(
    able.map((kpi) => ({ ...request, kpi: kpi.kpi, by, top: kMostRows })),
  );
  const columns = asked.flatMap((answer, i) => {
    if (!('error' in answer)) return [{ title: able[i]?.title ?? answer.kpi, answer }];
    // A level has no hours that it could be filtered by.
    if (answer.error.code === 'invalid' && needed.some((name) => name.startsWith('__'))) return [];
    throw new Error(answer.error.message);
  });
  return beside(by, columns, null);
}

async function byDays(
  kpi: string,
  by: string,
  request: Question,
  tz: string,
): Promise<Pivot> {
  const [whole] = await answers([{ ...request, kpi, by, top: kMostRows }]);
  if (!whole?.range) throw new Error(t('error.unreadable'));
  const { from, to } = whole.range;
  const first = wallTime(Date.parse(from), tz).slice(0, 10);
  const last = wallTime(Date.parse(to) - 1, tz).slice(0, 10);
  const days: string[] = [];
  for (let date = first; date <= last; date = shiftDate(date, 1)) days.push(date);
  const shown = days.slice(-kMostDays);
  const { range: _, ...rest } = request;
  const found = await answers(
    shown.map((date) => ({
      ...rest,
      kpi,
      by,
      from: date === first ? from : date,
      to: date === last ? to : shiftDate(date, 1),
      top: kMostRows,
    })),
  );
  const columns = found.map((answer, i) => ({ title: shown[i] ?? '', answer }));
  return { ...beside(by, columns, whole), moreColumns: days.length - shown.length };
}

const columnTitle = (column: string, name: string): string =>
  column === '__weekday' ? weekday(Number(name), 'short') : filterValue(column, name);

async function byDimension(kpi: string, by: string, column: string, request: Question) {
  const order = column.startsWith('__') ? 'name' : 'value';
  const [cells, rows, columns] = await answers([
    { ...request, kpi, by: `${by},${column}`, top: kMostRows },
    { ...request, kpi, by, top: kMostRows },
    { ...request, kpi, by: column, top: kMostColumns, order },
  ]);
  if (!cells || !rows || !columns) throw new Error(t('error.unreadable'));
  const key = (row: string, name: string) => JSON.stringify([row, name]);
  const found = new Map(
    (cells.rows ?? []).map((row) => [
      key(label(row, by), label(row, column)),
      number(row),
    ]),
  );
  const names = (columns.rows ?? []).map((row) => label(row, column));
  return {
    columns: names.map((value) => ({ title: columnTitle(column, value), unit: cells, value })),
    rows: (rows.rows ?? []).map((row) => ({
      name: label(row, by),
      cells: names.map((name) => found.get(key(label(row, by), name)) ?? null),
      total: number(row),
    })),
    totals: (columns.rows ?? []).map((row) => number(row)),
    total: rows.value,
    unit: cells,
    hasTotal: true,
    moreRows: Math.max(rows.rest?.count ?? 0, cells.rest ? 1 : 0),
    moreColumns: columns.rest?.count ?? 0,
  };
}

// Of the rows, those that pass `measures`.
export async function pivot(
  kpi: KpiDefinition,
  kpis: KpiDefinition[],
  by: string,
  column: string,
  request: Question,
  tz: string,
  measures: Measure[],
): Promise<Pivot> {
  const made = await (column === '__kpis'
    ? byKpis(by, kpis, request)
    : column === '__days'
      ? byDays(kpi.kpi, by, request, tz)
      : byDimension(kpi.kpi, by, column, request));
  if (measures.length === 0) return made;
  const question = { ...request, kpi: kpi.kpi, by };
  return { ...made, ...(await sievedRows(made.rows, made.moreRows, question, measures, server.kpis)) };
}
