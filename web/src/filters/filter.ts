// Filters as the API and the address bar write them:
// "store:S01,S02;channel:!web".
export interface Filter {
  dimension: string;
  exclude: boolean;
  values: string[];
}

export function parseFilters(text: string): Filter[] {
  return text
    .split(';')
    .map((part): Filter | null => {
      const colon = part.indexOf(':');
      if (colon < 1) return null;
      const rest = part.slice(colon + 1);
      const exclude = rest.startsWith('!');
      const values = (exclude ? rest.slice(1) : rest).split(',').filter(Boolean);
      if (values.length === 0) return null;
      return { dimension: part.slice(0, colon), exclude, values };
    })
    .filter((filter) => filter !== null);
}

export function writeFilters(filters: Filter[]): string {
  return filters
    .filter((filter) => filter.values.length > 0)
    .map((f) => `${f.dimension}:${f.exclude ? '!' : ''}${f.values.join(',')}`)
    .join(';');
}

// A value's text can't hold the grammar's own signs.
export function filterable(value: string): boolean {
  return value !== '' && !/[,;]/.test(value) && !value.startsWith('!');
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
