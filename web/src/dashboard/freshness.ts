// How current the page is: ● live, ● behind, ● stale, ○ reconnecting, ⏸ paused.
import type { DatasetStatus } from '../api/types';
import { instant } from '../format/time';
import type { Connection, TileState } from './live.svelte';

export type FreshnessState =
  | 'connecting'
  | 'live'
  | 'behind'
  | 'stale'
  | 'reconnecting'
  | 'paused';

export interface Freshness {
  state: FreshnessState;
  asOf: number | null; // event time, ms
  behindMs: number;
}

const kBehind = 10_000;
const kStale = 300_000;

// The freshest of what the server last said: tiles come only when they change,
// so the status of the data sets counts as well.
export function freshness(
  connection: Connection,
  tiles: Record<number, TileState>,
  datasets: DatasetStatus[],
  datasetsAt: number,
  now: number,
): Freshness {
  let asOf: number | null = null;
  let behindMs = Infinity;
  const take = (at: string | null | undefined, lag: number, told: number) => {
    const ms = instant(at);
    if (ms === null || told === 0) return;
    asOf = asOf === null ? ms : Math.max(asOf, ms);
    behindMs = Math.min(behindMs, lag + Math.max(0, now - told));
  };
  for (const { answer, receivedAt } of Object.values(tiles)) {
    const from = answer?.provenance;
    if (from) take(from.as_of, from.lag_ms, receivedAt);
  }
  for (const dataset of datasets) {
    take(dataset.as_of, dataset.lag_ms ?? 0, datasetsAt);
  }
  return { state: stateOf(connection, behindMs), asOf, behindMs };
}

function stateOf(connection: Connection, behindMs: number): FreshnessState {
  if (connection !== 'live') return connection;
  if (behindMs >= kStale) return 'stale';
  return behindMs >= kBehind ? 'behind' : 'live';
}
