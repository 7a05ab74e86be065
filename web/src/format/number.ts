// Numbers as people read them, by locale, unit and currency. "—" is no value.
import { locale } from '../state/settings.svelte';

export const kNone = '—';

export interface Unit {
  unit: string;
  currency?: string | undefined;
}

// Of a percentage people read a hundred times the value, and its sign.
export const scaleOf = ({ unit }: Unit): number => (unit === 'percent' ? 100 : 1);
export const signOf = ({ unit, currency }: Unit): string =>
  unit === 'percent' ? '%' : unit === 'currency' ? (currency ?? '') : '';
// 0.07 * 100 is 7.000000000000001, 0.3 - 0.1 is 0.19999999999999998.
export const tidy = (value: number): number => Number(value.toPrecision(15));

type Format = Pick<Intl.NumberFormat, 'format'>;
const kFormats = new Map<string, Format>();

// Between letters that run from right to left a number keeps its own order: its
// sign would stand behind it.
const isolated = (text: string): string =>
  document.dir === 'rtl' ? `\u2066${text}\u2069` : text;

function format(options: Intl.NumberFormatOptions): Format {
  const key = locale() + JSON.stringify(options);
  let made = kFormats.get(key);
  if (!made) {
    // 9.232 above 34.820, also where a number of four digits goes without.
    const own = new Intl.NumberFormat(locale(), { useGrouping: 'always', ...options });
    made = { format: (value) => isolated(own.format(value)) };
    kFormats.set(key, made);
  }
  return made;
}

const kDurations: Record<string, string> = {
  days: 'day',
  hours: 'hour',
  minutes: 'minute',
  celsius: 'celsius',
};

// Beyond what a person reads as a row of digits.
const kVast = 1e15;
const kMinute = 1e-6;

function optionsOf(of: Unit, value: number): Intl.NumberFormatOptions {
  const size = Math.abs(value);
  if (size >= kVast || (size > 0 && size < kMinute)) {
    return { notation: 'scientific', maximumSignificantDigits: 3 };
  }
  if (of.unit === 'currency' && of.currency) {
    return {
      style: 'currency',
      currency: of.currency,
      currencyDisplay: 'narrowSymbol',
      ...(size >= 1000 ? { maximumFractionDigits: 0 } : {}),
    };
  }
  if (of.unit === 'percent') {
    return { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 };
  }
  const digits = size >= 1000 ? 0 : of.unit === 'count' ? 1 : 2;
  if (of.unit === 'ratio' && size > 0 && size < 0.01) {
    return { maximumSignificantDigits: 2 };
  }
  // The last digits stay while a number changes: 9, but 9.0 and 9.1.
  const least = (most: number) => (Number.isInteger(value) ? 0 : most);
  const named = kDurations[of.unit];
  if (named) {
    const most = Math.min(digits, 1);
    return { style: 'unit', unit: named, minimumFractionDigits: least(most), maximumFractionDigits: most };
  }
  if (of.unit === 'ratio') return { minimumFractionDigits: least(digits), maximumFractionDigits: digits };
  return { maximumFractionDigits: digits };
}

// The value in full: "€81,234", "32.4%", "12.5 days".
export function full(value: number | null | undefined, of: Unit): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return kNone;
  }
  return format(optionsOf(of, value)).format(value);
}

const kNarrow = 1_000_000;

// For numbers that stand under each other: all with the same digits. In full as
// long as they fit a narrow column, else "€1.2M"; where there is room `compactFrom`
// is Infinity.
export function alike(
  values: (number | null)[],
  of: Unit,
  sign: 'auto' | 'exceptZero' = 'auto',
  compactFrom = kNarrow,
): (value: number | null | undefined) => string {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  const largest = Math.max(0, ...known.map(Math.abs));
  if (of.unit === 'percent') {
    return (value) =>
      sign === 'auto' || value === null || value === undefined
        ? full(value, of)
        : change(value, of);
  }
  if (largest >= kVast) return (value) => full(value, of);
  const compact = largest >= compactFrom && !kDurations[of.unit];
  const step = compact ? 10 ** (3 * Math.floor(Math.log10(largest) / 3)) : 1;
  const uneven = known.some((v) => !Number.isInteger(v / step));
  const [few, whole] = kDurations[of.unit] ? [1, 1000] : [2, 100];
  const digits = compact ? (uneven ? 1 : 0) : largest >= whole || !uneven ? 0 : few;
  const options = {
    ...optionsOf(of, largest),
    ...(compact ? { notation: 'compact' as const } : {}),
    signDisplay: sign,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  };
  return (value) =>
    value === null || value === undefined || !Number.isFinite(value)
      ? kNone
      : format(options).format(value);
}

// For narrow places: "€81.2K".
export function short(value: number | null | undefined, of: Unit): string {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return kNone;
  }
  if (Math.abs(value) >= kVast) return full(value, of);
  if (Math.abs(value) < 1000) {
    const whole =
      of.unit !== 'percent' && Number.isInteger(value)
        ? { minimumFractionDigits: 0, maximumFractionDigits: 0 }
        : {};
    return format({ ...optionsOf(of, value), ...whole }).format(value);
  }
  return format({
    ...optionsOf(of, value),
    notation: 'compact',
    minimumFractionDigits: 0,
    maximumFractionDigits: 1,
  }).format(value);
}

// A change with its sign; of a percentage, in percentage points; else with the
// digits of what it stands beside, `like`.
export function change(value: number, of: Unit, like: number | null = null): string {
  if (of.unit === 'percent') {
    const points = format({
      signDisplay: 'exceptZero',
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
    });
    return `${points.format(value * 100)} pp`;
  }
  const large = Math.max(Math.abs(value), Math.abs(like ?? 0));
  const options = Math.abs(value) < kMinute ? optionsOf(of, value) : optionsOf(of, large);
  return format({ ...options, signDisplay: 'exceptZero' }).format(value);
}

export function percent(ratio: number | null | undefined, digits = 1): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) {
    return kNone;
  }
  return format({
    style: 'percent',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(ratio);
}

// How much of a target: 99.8 % is not the whole of it.
export const reached = (ratio: number): string =>
  percent(ratio < 1 ? Math.floor(tidy(ratio * 100)) / 100 : ratio, 0);

export function whole(value: number | null | undefined): string {
  if (value === null || value === undefined) return kNone;
  return format({ maximumFractionDigits: 0 }).format(value);
}

// Events a second: a quiet source is not at 0.
export function pace(value: number | null | undefined): string {
  if (value === null || value === undefined) return kNone;
  return format({ maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return kNone;
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let at = 0;
  let left = value;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at += 1;
  }
  return format({
    style: 'unit',
    unit: units[at] ?? 'byte',
    maximumFractionDigits: left < 10 && at > 0 ? 1 : 0,
  }).format(left);
}

export function seconds(milliseconds: number): string {
  const value = milliseconds / 1000;
  return format({
    style: 'unit',
    unit: 'second',
    unitDisplay: 'narrow',
    minimumFractionDigits: value < 10 ? 1 : 0,
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);
}

// "1 hour", "10 minutes".
export function spelled(value: number, unit: string): string {
  return format({ style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

const kUnits: Record<string, string> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
};

// "1h" as "1 hour"; "" for no time at all, other texts as they are.
export function spell(text: unknown): string {
  const match = /^\s*(\d+)\s*([smhdw])\s*$/.exec(String(text ?? ''));
  const unit = kUnits[match?.[2] ?? ''];
  if (!match || !unit) return String(text ?? '');
  return match[1] === '0' ? '' : spelled(Number(match[1]), unit);
}

// "4 min", "3 h", "2 days": how long something lasts or lags.
export function duration(milliseconds: number): string {
  const steps: [number, string][] = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ];
  const [size, unit] = steps.find(([ms]) => milliseconds >= ms) ?? [1000, 'second'];
  return format({
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: 0,
  }).format(Math.floor(milliseconds / size));
}

// How far behind something is: "0.4s", then "12 min", "3 days".
export const lag = (milliseconds: number): string =>
  milliseconds < 60_000 ? seconds(milliseconds) : duration(milliseconds);
