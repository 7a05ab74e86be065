// How current the page is: ● live, ● behind, ● stale, ● halted (a source is not
// read any more), ○ reconnecting, ⏸ paused.
import type { DatasetStatus } from '../api/types';
import { instant } from '../format/time';
import type { Connection, Told } from './live.svelte';

export type FreshnessState =
  | 'connecting'
  | 'live'
  | 'behind'
  | 'stale'
  | 'halted'
  | 'reconnecting'
  | 'paused';

export interface Freshness {
  state: FreshnessState;
  asOf: number | null; // event time, ms
  behindMs: number;
}

const kBehind = 10_000;
const kStale = 300_000;
// States of ingestion in which no new data arrives.
const kHalted = new Set(['failed', 'stopped', 'waiting']);

// What the stream said of its tiles, or the status of their data sets (the
// worst of them) if that is newer: a stream is silent while nothing happens.
export function freshness(
  connection: Connection,
  told: Told | null,
  datasets: DatasetStatus[],
  datasetsAt: number,
  now: number,
): Freshness {
  let asOf = instant(told?.as_of);
  let behindMs = told ? told.lag_ms + Math.max(0, now - told.at) : Infinity;
  const known = datasets
    .map((dataset) => ({ at: instant(dataset.as_of), lag: dataset.lag_ms ?? 0 }))
    .filter((dataset): dataset is { at: number; lag: number } => dataset.at !== null);
  if (known.length > 0) {
    const lag = Math.max(...known.map((dataset) => dataset.lag));
    behindMs = Math.min(behindMs, lag + Math.max(0, now - datasetsAt));
    asOf = Math.max(asOf ?? -Infinity, Math.min(...known.map((dataset) => dataset.at)));
  }
  const complete = told?.complete !== false && !datasets.some((d) => kHalted.has(d.state ?? ''));
  return { state: stateOf(connection, behindMs, complete), asOf, behindMs };
}

function stateOf(
  connection: Connection,
  behindMs: number,
  complete: boolean,
): FreshnessState {
  if (connection !== 'live') return connection;
  if (!complete) return 'halted';
  if (behindMs === Infinity) return 'live';
  if (behindMs >= kStale) return 'stale';
  return behindMs >= kBehind ? 'behind' : 'live';
}
