// Values of a dimension: the largest first, those that hold a text when one is
// searched. The server searches, however many there are.
import { sql } from '../api/client';
import { askOne } from '../api/questions';
import type { KpiDefinition } from '../api/types';
import { short, whole } from '../format/number';
import { nameOf } from './filter';

export interface FoundValue {
  name: string; // '' where the dimension has no value
  size: string; // how much of the KPI it has, or how many rows
}
export interface FoundValues {
  values: FoundValue[];
  more: number; // that are not in the list
}

const kShown = 200;

export async function largest(
  kpi: string,
  dimension: string,
  request: Record<string, string>,
): Promise<FoundValues> {
  const answer = await askOne({ ...request, kpi, by: dimension, top: kShown });
  const values = (answer.rows ?? []).map((row) => ({
    name: nameOf(row[dimension]),
    size: short(row.value as number | null, answer),
  }));
  return { values, more: answer.rest?.count ?? 0 };
}

export async function holding(
  kpi: KpiDefinition,
  dimension: string,
  text: string,
  shown = kShown,
): Promise<FoundValues> {
  const column = `"${dimension.replaceAll('"', '""')}"`;
  const table = `"${(kpi.dataset ?? '').replaceAll('"', '""')}"`;
  const pattern = text.toLowerCase().replace(/[\\%_]/g, '\\$&');
  const found = await sql(
    `SELECT ${column} AS v, COUNT(*) AS n FROM ${table} ` +
      `WHERE LOWER(${column}) LIKE ? ESCAPE '\\' GROUP BY 1 ORDER BY 2 DESC LIMIT ${shown + 1}`,
    [`%${pattern}%`],
  );
  if ('error' in found) throw new Error(found.error.message);
  const rows = found.result.rows;
  return {
    values: rows.slice(0, shown).map(([name, n]) => ({
      name: nameOf(name),
      size: whole(Number(n)),
    })),
    more: Math.max(0, rows.length - shown),
  };
}
