// Numbers arrive many times a second, and most are as they were: what shows an
// unchanged row need not write it anew.
import type { Unit } from './number';

// `next` with the objects of `old` where nothing in them changed.
export function kept<T extends object>(old: T[], next: T[]): T[] {
  return next.map((item, i) => {
    const before = old[i];
    return before && alike(before, item) ? before : item;
  });
}

function alike<T extends object>(a: T, b: T): boolean {
  const keys = Object.keys(b) as (keyof T)[];
  return keys.length === Object.keys(a).length && keys.every((key) => Object.is(a[key], b[key]));
}

const kUnits = new Map<string, Unit>();

// One object for each unit.
export function unitOf({ unit, currency }: Unit): Unit {
  const key = `${unit} ${currency ?? ''}`;
  const known = kUnits.get(key);
  if (known) return known;
  const made = { unit, currency };
  kUnits.set(key, made);
  return made;
}
