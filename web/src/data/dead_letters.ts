// The events of a data set that could not become rows.
import { get, post, remove } from '../api/client';
import { server } from '../state/status.svelte';

export interface DeadLetter {
  id?: string; // "pos.sales/3/918273"
  partition: string;
  offset: number;
  time: string;
  reason: string;
  message: string;
  event: string;
  event_base64?: string; // of bytes that are no text
  whole?: boolean; // all of it was kept
  pending?: boolean; // in memory: written by a seal, or when it is replayed
}
export interface LetterPage {
  dead_letters: DeadLetter[];
  next?: string | number | null;
  reasons?: Record<string, number>; // the pending ones too
  pending?: number;
  pending_at_most_ms?: number; // until they are written
}
export interface Replayed {
  replayed: number;
  rejected: number;
  errors: { id: string; message: string }[];
}
// All, those of a reason, or one in the words it should have had.
export type Selection =
  | { all: true }
  | { reason: string }
  | { events: { id: string; event: string }[] };

const kRoute = '/api/v1/ingestion/{d}/dead-letters/replay';
export const canReplay = () => server.has(kRoute);

const path = (dataset: string) =>
  `/api/v1/ingestion/${encodeURIComponent(dataset)}/dead-letters`;

export function letters(dataset: string, reason: string, after: string): Promise<LetterPage> {
  const query = new URLSearchParams({
    ...(reason ? { reason } : {}),
    ...(after ? { after } : {}),
  });
  return get<LetterPage>(`${path(dataset)}?${query}`);
}

export const replay = (dataset: string, which: Selection) =>
  post<Replayed>(`${path(dataset)}/replay`, which);

export const removeLetters = (dataset: string, reason: string) =>
  remove<{ removed: number }>(
    `${path(dataset)}?${new URLSearchParams(reason ? { reason } : { all: 'true' })}`,
  );
