// How current the page is: ● live, ● behind, ● stale, ▲ broken (events of a data
// set do not arrive, or ones that were taken can't be read), ◔ incomplete, ○ reconnecting, ⏸ paused,
// ▲ refused (the server will not show this view).
import type { DatasetStatus } from '../api/types';
import { instant } from '../format/time';
import type { Connection, Told } from './live.svelte';

export type FreshnessState =
  | 'connecting'
  | 'live'
  | 'behind'
  | 'stale'
  | 'broken'
  | 'damaged'
  | 'incomplete'
  | 'reconnecting'
  | 'paused'
  | 'refused';

export interface Freshness {
  state: FreshnessState;
  asOf: number | null; // event time, ms
  behindMs: number;
  faulty: string[]; // titles of the data sets at fault
}

const kBehind = 10_000;
const kStale = 300_000;
// The server's stream is heard of every 15 s, whatever happens: after three
// times that nothing reaches us.
export const kSilent = 45_000;
const kAsked = 5000; // the status is asked for so often: as old as the last word

// What the stream said of its tiles, or the status of their data sets (the
// worst of them) if that is newer: while nothing happens it says little. Of a
// stream that is lost or silent they are as old as its last word.
export function freshness(
  connection: Connection,
  told: Told | null,
  heard: number, // when the stream last said anything
  datasets: DatasetStatus[],
  datasetsAt: number,
  now: number,
): Freshness {
  let asOf = instant(told?.as_of);
  let behindMs = told ? told.lag_ms + Math.max(0, now - told.at) : Infinity;
  const current =
    (connection === 'live' && now - heard < kSilent) || datasetsAt - heard < kAsked;
  const known = (current ? datasets : [])
    .map((dataset) => ({ at: instant(dataset.as_of), lag: dataset.lag_ms ?? 0 }))
    .filter((dataset): dataset is { at: number; lag: number } => dataset.at !== null);
  if (known.length > 0) {
    const lag = Math.max(...known.map((dataset) => dataset.lag));
    behindMs = Math.min(behindMs, lag + Math.max(0, now - datasetsAt));
    asOf = Math.max(asOf ?? -Infinity, Math.min(...known.map((dataset) => dataset.at)));
  }
  const broken = datasets.filter(isBroken);
  const damaged = datasets.filter(isDamaged);
  const faulty = (broken.length > 0 ? broken : damaged).map(
    (item) => item.title ?? item.dataset,
  );
  let state = stateOf(connection, behindMs);
  if (connection === 'live') {
    if (broken.length > 0) state = 'broken';
    else if (damaged.length > 0) state = 'damaged';
    // For a moment a busy stream always has events that aren't read: only what
    // both say is more than that.
    else if (told?.complete === false && datasets.some((item) => item.complete === false)) {
      state = 'incomplete';
    }
  }
  return { state, asOf, behindMs, faulty };
}

// Whether something keeps a data set's events from arriving.
export function isBroken(dataset: DatasetStatus): boolean {
  return ['waiting', 'degraded', 'failed', 'stopped'].includes(dataset.state ?? '');
}

// Whether events that were taken can't be read: answers that need them fail.
export function isDamaged(dataset: DatasetStatus): boolean {
  return (dataset.damaged_segments ?? 0) > 0;
}

function stateOf(connection: Connection, behindMs: number): FreshnessState {
  if (connection !== 'live') return connection;
  if (behindMs === Infinity) return 'live';
  if (behindMs >= kStale) return 'stale';
  return behindMs >= kBehind ? 'behind' : 'live';
}
