// Instants arrive as ISO 8601 strings with their offset; they are shown in the
// dashboard's zone. A bare date is never parsed: it stays a string.
import { locale } from '../state/settings.svelte';
import { kNone } from './number';

const kFormats = new Map<string, Intl.DateTimeFormat>();

function format(tz: string, options: Intl.DateTimeFormatOptions) {
  const key = locale() + tz + JSON.stringify(options);
  let made = kFormats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale(), { ...options, timeZone: known(tz) });
    kFormats.set(key, made);
  }
  return made;
}

// An address can name any zone; that it is none the server's answer says.
const known = (tz: string) => (isZone(tz) ? tz : 'UTC');

// Milliseconds of an instant, or null for "" and for what isn't an instant.
export function instant(text: string | null | undefined): number | null {
  if (!text || !text.includes('T')) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

export function clock(ms: number, tz: string, withSeconds = true): string {
  return format(tz, {
    hour: '2-digit',
    minute: '2-digit',
    ...(withSeconds ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  }).format(ms);
}

export function day(ms: number, tz: string): string {
  return format(tz, { weekday: 'short', day: 'numeric', month: 'short' }).format(ms);
}

export function shortDay(ms: number, tz: string): string {
  return format(tz, { day: 'numeric', month: 'short' }).format(ms);
}

export function dayAndClock(ms: number, tz: string): string {
  return `${day(ms, tz)}, ${clock(ms, tz, false)}`;
}

// A bucket's label fitting its length.
export function bucket(ms: number, tz: string, grain: string): string {
  if (/year/.test(grain)) return format(tz, { year: 'numeric' }).format(ms);
  if (/month|quarter/.test(grain)) {
    return format(tz, { month: 'short', year: 'numeric' }).format(ms);
  }
  if (/day|week/.test(grain)) return day(ms, tz);
  return dayAndClock(ms, tz);
}

export function stamp(text: string | null | undefined, tz: string): string {
  const ms = instant(text);
  return ms === null ? kNone : `${day(ms, tz)}, ${clock(ms, tz)}`;
}

export function isZone(tz: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: tz });
    return true;
  } catch {
    return false;
  }
}

// "2026-11-22T06:30:00Z".
export const utcTime = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;

// The calendar day after or before "2026-11-22", as the same kind of text. By
// UTC parts, so no zone can shift it.
export function shiftDate(date: string, days: number): string {
  const [year, month, dayOfMonth] = date.split('-').map(Number);
  if (!year || !month || !dayOfMonth) return date;
  return new Date(Date.UTC(year, month - 1, dayOfMonth + days))
    .toISOString()
    .slice(0, 10);
}

// 1 is Monday.
export function weekday(n: number, width: 'short' | 'long'): string {
  return format('UTC', { weekday: width }).format(Date.UTC(2024, 0, n)); // a Monday
}

const kWalls = new Map<string, Intl.DateTimeFormat>();

// "2026-11-22T07:30" as a clock on the wall of `tz` shows the instant.
export function wallTime(ms: number, tz: string): string {
  let wall = kWalls.get(tz);
  if (!wall) {
    wall = new Intl.DateTimeFormat('en-CA', {
      timeZone: known(tz),
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    });
    kWalls.set(tz, wall);
  }
  const parts = wall.formatToParts(ms);
  const part = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  const time = `${part('hour')}:${part('minute')}:${part('second')}`;
  return `${part('year')}-${part('month')}-${part('day')}T${time}`;
}

// When a clock on the wall of `tz` shows "2026-11-22T07:30".
export function instantAt(wall: string, tz: string): number {
  const asUtc = Date.parse(`${wall}Z`);
  const ahead = (ms: number) => Date.parse(`${wallTime(ms, tz)}Z`) - ms;
  return asUtc - ahead(asUtc - ahead(asUtc));
}

// Times on the wall, "2026-11-22T10:00:00", as if every day had 24 hours.
const onWall = (wall: string) => Date.parse(`${wall}Z`);

export const spanOf = (from: string, to: string): number => onWall(to) - onWall(from);

// Moved by whole months, then by milliseconds.
export function shiftWall(wall: string, months: number, ms: number): string {
  const at = new Date(onWall(wall));
  const dayOfMonth = at.getUTCDate();
  at.setUTCDate(1);
  at.setUTCMonth(at.getUTCMonth() + months);
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  at.setUTCDate(Math.min(dayOfMonth, last));
  return new Date(at.getTime() + ms).toISOString().slice(0, 19);
}
