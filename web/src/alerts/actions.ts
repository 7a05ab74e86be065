// What can be done about an alert besides changing its rule. Each shows only
// where the server has its route.
import { get, post, remove } from '../api/client';
import { instantAt, shiftDate, wallTime } from '../format/time';
import { server } from '../state/status.svelte';

export interface Silence {
  silence: string; // its id
  alert: string;
  labels?: Record<string, string>; // none: all instances
  until: string;
  comment?: string;
  who?: string;
}
export interface Contact {
  contact: string;
  kind?: string;
}
// When a rule would have fired.
export interface Firing {
  labels: Record<string, string>;
  from: string;
  to: string | null; // null: still
}

export const can = {
  acknowledge: () => server.has('/api/v1/alerts/{a}/acknowledge'),
  silence: () => server.has('/api/v1/silences'),
  unsilence: () => server.has('/api/v1/silences/{s}'),
  contacts: () => server.has('/api/v1/contacts'),
  test: () => server.has('/api/v1/contacts/{c}/test'),
  preview: () => server.has('/api/v1/alerts/preview'),
};

const alertPath = (alert: string) => `/api/v1/alerts/${encodeURIComponent(alert)}`;

export const acknowledge = (alert: string, labels: Record<string, string>) =>
  post(`${alertPath(alert)}/acknowledge`, { labels });

export const silence = (alert: string, labels: Record<string, string>, until: string) =>
  post('/api/v1/silences', { alert, labels, until });

export const silences = async () =>
  (await get<{ silences: Silence[] }>('/api/v1/silences')).silences;
export const unsilence = (id: string) =>
  remove(`/api/v1/silences/${encodeURIComponent(id)}`);

export const contacts = async () =>
  (await get<{ contacts: Contact[] }>('/api/v1/contacts')).contacts;
export const testContact = (name: string) =>
  post(`/api/v1/contacts/${encodeURIComponent(name)}/test`, {});

export const preview = async (rule: object) =>
  (await post<{ firings: Firing[] }>('/api/v1/alerts/preview', rule)).firings;

// For how long one is left in peace.
export type Rest = 'hour' | 'day' | 'tomorrow';
export function restUntil(rest: Rest, now: number, tz: string): string {
  const kHour = 3_600_000;
  if (rest !== 'tomorrow') {
    return new Date(now + (rest === 'hour' ? 1 : 24) * kHour).toISOString();
  }
  // The next morning at 8 on the viewer's clock, whatever the night does to it.
  const morning = `${shiftDate(wallTime(now, tz).slice(0, 10), 1)}T08:00`;
  return new Date(instantAt(morning, tz)).toISOString();
}
