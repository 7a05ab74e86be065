// What can be written at the cursor: tables, columns, functions, KPIs, words.
import { sql } from '../api/client';
import type { KpiDefinition } from '../api/types';
import { server } from '../state/status.svelte';

export interface Suggestion {
  text: string; // what is inserted
  label: string;
  kind: 'table' | 'column' | 'kpi' | 'function' | 'word';
  note: string;
}

const kWords = [
  'SELECT', 'FROM', 'WHERE', 'GROUP BY', 'ORDER BY', 'HAVING', 'LIMIT', 'AND',
  'OR', 'NOT', 'IN', 'BETWEEN', 'LIKE', 'IS NULL', 'IS NOT NULL', 'AS', 'DESC',
  'ASC', 'DISTINCT', 'CASE WHEN', 'THEN', 'ELSE', 'END', 'WITH', 'INTERVAL',
  'TIMESTAMP', 'FILTER (WHERE',
]; // prettier-ignore
const kFunctions = [
  'COUNT', 'SUM', 'AVG', 'MIN', 'MAX', 'ROUND', 'COALESCE', 'NULLIF', 'TIME_FLOOR',
  'DATE_TRUNC', 'EXTRACT', 'CURRENT_TIMESTAMP', 'LOWER', 'UPPER', 'SUBSTRING',
  'CONCAT', 'LENGTH', 'ABS', 'FLOOR', 'CEIL', 'CAST', 'APPROX_COUNT_DISTINCT',
  'APPROX_QUANTILE', 'LATEST', 'EARLIEST', 'TIMESTAMPADD', 'TIME_SHIFT',
]; // prettier-ignore
const kShown = 8;

let columns: Suggestion[] | null = null;

async function loadColumns(): Promise<Suggestion[]> {
  const found = await sql(
    'SELECT COLUMN_NAME, TABLE_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS ' +
      "WHERE TABLE_SCHEMA = 'druid'",
  );
  if ('error' in found) return [];
  const tables = new Map<string, string[]>();
  for (const [name, table, type] of found.result.rows.map((row) => row.map(String))) {
    const key = `${name}\n${(type ?? '').toLowerCase()}`;
    tables.set(key, [...(tables.get(key) ?? []), table ?? '']);
  }
  return [...tables].map(([key, of]) => {
    const [name = '', type = ''] = key.split('\n');
    return {
      text: name,
      label: name,
      kind: 'column',
      note: `${type} · ${of.join(', ')}`,
    };
  });
}

// A KPI among the columns of its data set; of some rows alone, a query of its
// own. Levels and windows have no SQL without bounds of time.
function sqlOf({ kpi, sql: text = '' }: KpiDefinition): string {
  if (/:(from|to|days)\b/.test(text)) return '';
  const plain = /^SELECT (.*) FROM "[^"]*"$/s.exec(text)?.[1];
  return plain ?? (text && `(${text}) AS "${kpi}"`);
}

async function everything(): Promise<Suggestion[]> {
  columns ??= await loadColumns().catch(() => null);
  const plain =
    (kind: Suggestion['kind'], end = '') =>
    (text: string): Suggestion => ({
      text: text + end,
      label: text,
      kind,
      note: '',
    });
  return [
    ...server.datasets.map((d): Suggestion => ({
      text: d.dataset,
      label: d.dataset,
      kind: 'table',
      note: d.title ?? '',
    })),
    ...(columns ?? []),
    ...[...server.kpis.values()].flatMap((kpi): Suggestion[] => {
      const text = sqlOf(kpi);
      return text ? [{ text, label: kpi.kpi, kind: 'kpi', note: kpi.title }] : [];
    }),
    ...kFunctions.map(plain('function', '(')),
    ...kWords.map(plain('word', ' ')),
  ];
}

// The word that ends at the cursor, and where it begins.
export function wordAt(text: string, cursor: number): { word: string; from: number } {
  const word = /[\w$]*$/.exec(text.slice(0, cursor))?.[0] ?? '';
  return { word, from: cursor - word.length };
}

// Names that begin with the word come first; none once one is written in full.
export async function suggestions(word: string): Promise<Suggestion[]> {
  if (word.length < 2) return [];
  const wanted = word.toLowerCase();
  const all = await everything();
  const starts = all.filter((s) => s.label.toLowerCase().startsWith(wanted));
  const holds = all.filter(
    (s) => !starts.includes(s) && s.label.toLowerCase().includes(wanted),
  );
  const found = [...starts, ...holds].slice(0, kShown);
  return starts.some((s) => s.label.toLowerCase() === wanted) ? [] : found;
}
