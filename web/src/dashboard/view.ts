// What a viewer asked to see: the part of the address after "?". Only what
// differs from the dashboard's defaults is written.
import type { DashboardDefinition } from '../api/types';

export interface View {
  range: string;
  from: string;
  to: string;
  compare: string;
  tz: string;
  filter: string;
  grain: string; // of the lines; '' as the dashboard says
  expected: string; // '' | '1': lines show the range of the weeks before
  asof: string; // '' up to now | 'complete': up to the last whole bucket
  having: string; // filters on values, of lists
}

export const kRanges = [
  'today',
  'yesterday',
  '-4h',
  '-24h',
  'last_7d',
  'this_week',
  'last_week',
  'mtd',
  'last_month',
  'last_30d',
  'qtd',
  'ytd',
] as const;
export const kComparisons = [
  'none',
  'previous',
  'same_day_last_week',
  'last_year',
  'last_year_364',
] as const;
export const kGrains = [
  'five_minute',
  'fifteen_minute',
  'hour',
  'day',
  'week',
  'month',
] as const;

export function readView(search: string): View {
  const query = new URLSearchParams(search);
  const value = (name: string) => query.get(name) ?? '';
  return {
    range: value('range'),
    from: value('from'),
    to: value('to'),
    compare: value('compare'),
    tz: value('tz'),
    filter: value('filter'),
    grain: value('grain'),
    expected: value('expected'),
    asof: value('asof') === 'complete' ? 'complete' : '',
    having: value('having'),
  };
}

// Keeps the grammar's own signs readable, unlike URLSearchParams.
function readable(text: string): string {
  return encodeURIComponent(text).replace(/%(3A|3B|2C|21|2F)/gi, decodeURIComponent);
}

export function writeView(
  view: View,
  other: Record<string, string> = {}, // what else the address says
): string {
  const parts = Object.entries({ ...view, ...other })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${readable(value as string)}`);
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}

// The address with one of its parameters set, or taken away by ''.
export function withParameter(search: string, name: string, value: string): string {
  const others = Object.fromEntries(new URLSearchParams(search));
  return writeView({ ...readView(''), ...others, [name]: value });
}

// The view with the dashboard's defaults filled in.
export function effective(view: View, dashboard: DashboardDefinition): View {
  const custom = view.from !== '' && view.to !== '';
  return {
    ...view,
    range: custom ? '' : view.range || dashboard.default.range,
    from: custom ? view.from : '',
    to: custom ? view.to : '',
    compare: view.compare || dashboard.default.compare || 'none',
    tz: view.tz || dashboard.default.tz,
  };
}

// For the API: no comparison is an absent one; what the page does by itself is
// not asked.
export function requestOf({ having: _, asof: __, expected: ___, ...view }: View): Record<string, string> {
  const entries = Object.entries(view).filter(
    ([name, value]) => value !== '' && !(name === 'compare' && value === 'none'),
  );
  return Object.fromEntries(entries) as Record<string, string>;
}
