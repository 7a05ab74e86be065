// What the set-up has gathered, and the model files it makes of it.
import { titled } from '../format/words';
import type { DatasetDraft, FoundColumn, KpiDraft, Sample } from './types';

// A text as a name in the model: "POS sales" is pos_sales.
export function nameOf(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^[0-9]/.test(name) ? `t${name}` : name;
}

// Each line an object, or one array of them, or objects over many lines, each of
// which begins where its line does.
export function eventsIn(text: string): string[] {
  const whole = text.trim();
  if (!whole.startsWith('[')) {
    const lines = whole.split(/\r?\n/).map((line) => line.trim()).filter(Boolean); // prettier-ignore
    if (lines.every(isObject)) return lines;
    const parts = whole.split(/\n(?=\{)/).map((part) => part.replace(/\s*\n\s*/g, ' '));
    return parts.every(isObject) ? parts : lines;
  }
  const list: unknown = JSON.parse(whole);
  return Array.isArray(list) ? list.map((event) => JSON.stringify(event)) : [];
}

export function isObject(event: string): boolean {
  try {
    const value: unknown = JSON.parse(event);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

// The time and what names a thing, rather than says something of it, are left
// out of what one would split by.
const kKey = /(^|_)(id|key|uuid|no|nr|number|code|txn|transaction|receipt|line|email)$/i;
const kMoney = /(price|amount|net|gross|total|revenue|sales|cost|value|discount|tax|fee)/i;
const kLevel = /(price|rate|ratio|percent|pct|temp|celsius|degree|score|age|weight|speed|lat|lon)/i;

const isMoney = (c: FoundColumn) => c.type.startsWith('decimal') || kMoney.test(c.name);
const isLevel = (c: FoundColumn) => kLevel.test(c.name);
const isNumber = (type: string) => /^(long|double|decimal)/.test(type);
const isKey = (column: FoundColumn) =>
  column.cardinality === 'high' || kKey.test(column.name);

export const splits = (columns: FoundColumn[]): string[] =>
  columns
    .filter((c) => c.keep && /^(string|bool)/.test(c.type) && !isKey(c))
    .map((c) => c.name);

// The time when nothing else is a time is the one the source gives.
export const sourceOf = (draft: DatasetDraft, format: string) =>
  draft.kind === 'kafka'
    ? { kafka: { brokers: draft.brokers, topics: [draft.topic], format, start: 'earliest' } }
    : { log: { partitions: 1, format } };

export function datasetFile(draft: DatasetDraft, sample: Sample): object {
  const time = sample.columns.find((c) => c.path === sample.time);
  return {
    dataset: draft.name,
    title: draft.title || titled(draft.name),
    source: sourceOf(draft, sample.format),
    time: time
      ? { field: time.path, format: time.format || 'auto' }
      : { message: 'timestamp' },
    columns: sample.columns
      .filter((c) => c.keep)
      .map((c) => ({
        name: c.name,
        type: c.type,
        ...(c.path === c.name ? {} : { path: c.path }),
        ...(c.type === 'timestamp' && c.format && c.format !== 'auto'
          ? { format: c.format }
          : {}),
        ...(c.cardinality === 'high' ? { cardinality: 'high' } : {}),
      })),
  };
}

// To have a topic's events read, before anything is known of them.
export const topicFile = (draft: DatasetDraft): object => ({
  dataset: draft.name,
  source: sourceOf(draft, 'json'),
  time: { message: 'timestamp' },
  columns: [{ name: 'event', type: 'string' }],
});

interface Words {
  events: (dataset: string) => string;
  total: (column: string) => string;
  mean: (column: string) => string;
  distinct: (column: string) => string;
  each: (sum: string, key: string) => string;
}

// What one would want to see of such columns; the first few are chosen.
export function suggest(
  draft: DatasetDraft,
  columns: FoundColumn[],
  currency: string,
  words: Words,
): KpiDraft[] {
  const kept = columns.filter((c) => c.keep);
  const list: Omit<KpiDraft, 'on'>[] = [];
  const add = (kpi: string, title: string, formula: string, unit: string, good: KpiDraft['good']) =>
    list.push({
      kpi: `${draft.name}_${kpi}`,
      title,
      formula,
      unit,
      good,
      ...(unit === 'currency' ? { currency } : {}),
    });
  const numbers = kept.filter((c) => isNumber(c.type) && !isKey(c));
  const keys = kept.filter((c) => c.type === 'string' && isKey(c));
  const quoted = (c: FoundColumn) => `"${c.name}"`;
  // A column's name has but plain letters: of "año" it is "a__o".
  const called = (c: FoundColumn) => titled(c.path) || c.path;
  const amounts = numbers.filter((c) => !isLevel(c));
  const total = (c: FoundColumn) => {
    const good = /cost|discount|tax|fee/i.test(c.name) ? 'none' : 'up';
    add(`${c.name}_total`, words.total(called(c)), `sum(${quoted(c)})`, isMoney(c) ? 'currency' : 'count', good); // prettier-ignore
  };
  // "receipt_id" is of receipts.
  const thing = (c: FoundColumn) => titled(c.path.replace(/[_.](id|no|nr|key|number)$/i, '')) || c.path;
  amounts.filter(isMoney).forEach(total);
  const sum = amounts.find(isMoney);
  const key = keys[0];
  if (sum && key) {
    add(`${sum.name}_each`, words.each(called(sum), thing(key).toLowerCase()), `sum(${quoted(sum)}) / count(distinct ${quoted(key)})`, 'currency', 'up'); // prettier-ignore
  }
  for (const c of keys) {
    add(`${c.name}_distinct`, words.distinct(thing(c)), `count(distinct ${quoted(c)})`, 'count', 'up'); // prettier-ignore
  }
  amounts.filter((c) => !isMoney(c)).forEach(total);
  add('events', words.events(draft.title || titled(draft.name)), 'count(*)', 'count', 'up');
  for (const c of numbers.filter(isLevel)) {
    const money = /price/i.test(c.name);
    const degrees = /temp|celsius|degree/i.test(c.name);
    add(`${c.name}_mean`, words.mean(called(c)), `avg(${quoted(c)})`, money ? 'currency' : degrees ? 'celsius' : 'ratio', 'none'); // prettier-ignore
  }
  return list.map((kpi, index) => ({ ...kpi, on: index < kChosen }));
}
const kChosen = 4; // a row of tiles

export const kpiFile = (
  draft: DatasetDraft,
  { on: _, ...kpi }: KpiDraft,
  dimensions: string[],
): object => ({
  kpis: [{ ...kpi, dataset: draft.name, dimensions }],
});

// The range that holds a sample from its oldest event on, by the days of the
// browser's zone: today's events want today's page; a file of last month would
// be empty there, and of a sample from either side of midnight half be missing.
function rangeOf(oldest: number | null): string {
  const daysAgo = (days: number) => {
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    return midnight.setDate(midnight.getDate() - days);
  };
  if (oldest === null || oldest >= daysAgo(0)) return 'today';
  return oldest >= daysAgo(6) ? 'last_7d' : oldest >= daysAgo(29) ? 'last_30d' : 'ytd';
}

export function dashboardFile(
  draft: DatasetDraft,
  kpis: KpiDraft[],
  dimensions: string[],
  oldest: number | null,
  titles: { course: (kpi: string) => string; by: (kpi: string, by: string) => string },
): object {
  const [first] = kpis;
  const range = rangeOf(oldest);
  return {
    dashboard: draft.name,
    title: draft.title || titled(draft.name),
    default: {
      range,
      compare: 'previous',
      tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
    filters: dimensions,
    tiles: [
      ...kpis.map(({ kpi }) => ({ kpi, show: 'tile', size: '1x1' })),
      ...(first
        ? [
            {
              kpi: first.kpi,
              show: 'line',
              grain: range === 'today' ? 'hour' : 'day',
              size: '4x2',
              title: titles.course(first.title),
            },
            ...dimensions.slice(0, 4).map((by) => ({
              kpi: first.kpi,
              show: 'bars',
              by,
              top: 10,
              size: '2x2',
              title: titles.by(first.title, titled(by).toLowerCase()),
            })),
          ]
        : []),
    ],
  };
}
