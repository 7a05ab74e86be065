// Filters as the API and the address bar write them:
// "store:S01,S02;channel:!web".
export interface Filter {
  dimension: string;
  exclude: boolean;
  values: string[];
}

// How the page and a filter name a value of a dimension: '' where there is none,
// two quotes for the empty text.
const kEmptyText = '""';
export const nameOf = (value: unknown) =>
  value === '' ? kEmptyText : String(value ?? '');
export const valueOf = (name: string) => (name === kEmptyText ? '' : name);

// Text to clauses and values: "\" takes the next sign as it is, %XX is a byte.
function split(text: string, sign: string): string[] {
  const parts = [''];
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charAt(i);
    if (c === sign) {
      parts.push('');
    } else if (c === '\\') {
      parts[parts.length - 1] += text.slice(i, i + 2);
      i += 1;
    } else {
      parts[parts.length - 1] += c;
    }
  }
  return parts;
}

// '' stands for a missing value, which the grammar writes as null.
function readValue(text: string): string {
  if (text === 'null') return '';
  return text.replace(/\\(.)|((?:%[0-9a-f]{2})+)/gi, (whole, taken, bytes) => {
    if (taken !== undefined) return String(taken);
    try {
      return decodeURIComponent(String(bytes));
    } catch {
      return whole;
    }
  });
}

function writeValue(value: string): string {
  if (value === '') return 'null';
  if (value === 'null') return '\\null';
  return value.replace(/[\\,;!%]/g, '\\$&');
}

export function parseFilters(text: string): Filter[] {
  return split(text, ';')
    .map((part): Filter | null => {
      const colon = part.indexOf(':');
      if (colon < 1) return null;
      const rest = part.slice(colon + 1);
      const exclude = rest.startsWith('!');
      const listed = split(exclude ? rest.slice(1) : rest, ',').filter(Boolean);
      if (listed.length === 0) return null;
      return { dimension: part.slice(0, colon), exclude, values: listed.map(readValue) };
    })
    .filter((filter) => filter !== null);
}

export function writeFilters(filters: Filter[]): string {
  return filters
    .filter((filter) => filter.values.length > 0)
    .map((f) => `${f.dimension}:${f.exclude ? '!' : ''}${f.values.map(writeValue).join(',')}`)
    .join(';');
}

export function isChosen(filters: Filter[], dimension: string, value: string) {
  return filters.some(
    (f) => f.dimension === dimension && !f.exclude && f.values.includes(value),
  );
}

// A click: only this value; the same click again takes the filter away. With
// `add` the value joins or leaves those already chosen.
export function toggleValue(
  filters: Filter[],
  dimension: string,
  value: string,
  add: boolean,
): Filter[] {
  const others = filters.filter((f) => f.dimension !== dimension);
  const own = filters.find((f) => f.dimension === dimension && !f.exclude);
  const had = own?.values ?? [];
  let values: string[];
  if (add) {
    values = had.includes(value) ? had.filter((v) => v !== value) : [...had, value];
  } else {
    values = had.length === 1 && had[0] === value ? [] : [value];
  }
  if (values.length === 0) return others;
  return [...others, { dimension, exclude: false, values }];
}

// A click on a cell: only these values; the same click again takes them away.
export function toggleCell(filters: Filter[], cell: [dimension: string, value: string][]): Filter[] {
  const others = filters.filter((f) => !cell.some(([dimension]) => dimension === f.dimension));
  const alone = ([dimension, value]: [string, string]) =>
    isChosen(filters, dimension, value) &&
    filters.every((f) => f.dimension !== dimension || f.values.length === 1);
  if (cell.every(alone)) return others;
  return [
    ...others,
    ...cell.map(([dimension, value]) => ({ dimension, exclude: false, values: [value] })),
  ];
}
