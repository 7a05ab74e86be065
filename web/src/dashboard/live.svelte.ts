// A dashboard's answers, kept current by the server's event stream. Reconnects
// by itself, also after a restart of the server and where a stream falls silent;
// where a proxy holds events back it asks every few seconds instead.
// `(open (pause resume)* )* close`.
import { ApiError, get } from '../api/client';
import { ask, questionsOf, together } from '../api/questions';
import type {
  ApiErrorBody,
  DashboardDefinition,
  KpiAnswer,
  StreamFreshness,
} from '../api/types';
import { server } from '../state/status.svelte';
import { kSilent } from './freshness';
import { SharedStream } from './shared_stream';
import { requestOf, type View } from './view';

export interface TileState {
  answer: KpiAnswer | null;
  error: { code: string; message: string } | null;
  loading: boolean;
  receivedAt: number;
}
export type Connection = 'connecting' | 'live' | 'reconnecting' | 'paused' | 'refused';
// What the server last said about how current the tiles are, and when.
export interface Told extends StreamFreshness {
  at: number;
}
interface StreamMessage {
  tiles: Record<string, TileMessage>;
  freshness?: StreamFreshness;
  model_version?: string;
}
type TileMessage = KpiAnswer | { error: ApiErrorBody };

const kWaits = [500, 1000, 2000, 4000];
const kPollAfter = 4; // failed connections while requests still succeed
const kPollEvery = 5000;
const kFirstWord = 10_000; // ms; a stream that is opened begins with a snapshot
const kHiddenFor = 20_000;

export class LiveDashboard {
  tiles = $state.raw<Record<number, TileState>>({});
  connection = $state<Connection>('connecting');
  error = $state<string | null>(null); // of the whole view
  pausedAt = $state(0);
  told = $state.raw<Told | null>(null);
  heard = $state(0); // when the stream last said anything
  outdated = $state(false); // the server has a newer model: its tiles may be others

  #dashboard: DashboardDefinition;
  #view!: View; // by open()
  #model = ''; // its version
  #source: SharedStream | null = null;
  #timer = 0;
  #silence = 0; // a timer
  #failures = 0;
  #stopped = false; // paused or closed
  #asleep = false; // given back while hidden
  #hiding = 0;

  constructor(dashboard: DashboardDefinition) {
    this.#dashboard = dashboard;
    document.addEventListener('visibilitychange', this.#seen);
  }

  // A hidden tab gives its connection back after a while: a browser has six to
  // a server, and tabs left open would use them up.
  #seen = () => {
    window.clearTimeout(this.#hiding);
    if (document.visibilityState === 'visible') {
      if (this.#asleep) this.resume();
    } else if (!this.#stopped) {
      this.#hiding = window.setTimeout(() => {
        this.#disconnect();
        this.#asleep = true;
      }, kHiddenFor);
    }
  };

  // Shows another view; what is on screen stays, marked as old.
  open(view: View): void {
    this.#view = view;
    this.#failures = 0;
    this.error = null;
    this.tiles = Object.fromEntries(
      this.#dashboard.tiles.map((_, index): [number, TileState] => {
        const old = this.tiles[index];
        return [
          index,
          {
            answer: old?.answer ?? null,
            error: null,
            loading: true,
            receivedAt: old?.receivedAt ?? 0,
          },
        ];
      }),
    );
    // Also while paused: who asks something new wants to see it.
    this.connection = 'connecting';
    this.#connect();
  }

  pause(): void {
    this.#disconnect();
    this.#stopped = true;
    this.pausedAt = Date.now();
    this.connection = 'paused';
  }

  resume(): void {
    this.connection = 'reconnecting';
    this.#connect();
  }

  close(): void {
    document.removeEventListener('visibilitychange', this.#seen);
    window.clearTimeout(this.#hiding);
    this.#disconnect();
    this.#stopped = true;
  }

  // Asks for one tile alone, after its error.
  async retry(index: number): Promise<void> {
    const old = this.tiles[index];
    if (old) this.#put({ [index]: { ...old, error: null, loading: true } });
    await this.#ask([index]);
  }

  #disconnect(): void {
    window.clearTimeout(this.#timer);
    window.clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
  }

  #connect(): void {
    this.#disconnect();
    this.#stopped = false;
    this.#asleep = false;
    const query = new URLSearchParams({
      dashboard: this.#dashboard.dashboard,
      ...requestOf(this.#view),
      compare: this.#view.compare, // none, too: it isn't the default's absence
    });
    const source: SharedStream = new SharedStream(`/api/v1/stream?${query}`, (event, message) => {
      if (this.#source !== null && source !== this.#source) return;
      if (event.kind === 'refused') this.#refused(event.data);
      else if (event.kind === 'lost') void this.#lost();
      else this.#receive(message as unknown as StreamMessage, event.at);
    });
    this.#source = source;
    this.#expect(Date.now() + kFirstWord);
  }

  // A stream that is open and says nothing is as good as lost; the next may be
  // as silent, so the tiles are asked for as well.
  #expect(until: number): void {
    window.clearTimeout(this.#silence);
    this.#silence = window.setTimeout(() => {
      this.#failures = kPollAfter;
      void this.#lost();
    }, until - Date.now());
  }

  #refused(data: string): void {
    window.clearTimeout(this.#silence);
    this.connection = 'refused';
    const states = Object.entries(this.tiles);
    this.tiles = Object.fromEntries(
      states.map(([index, state]) => [index, { ...state, loading: false }]),
    );
    try {
      const { error } = JSON.parse(data) as { error: ApiErrorBody };
      this.error = error.message;
    } catch {
      this.error = data;
    }
  }

  async #lost(): Promise<void> {
    this.#disconnect();
    this.connection = 'reconnecting';
    this.#failures += 1;
    const wait = kWaits[Math.min(this.#failures, kWaits.length) - 1] ?? 4000;
    const view = this.#view;
    const overtaken = () => view !== this.#view || this.#stopped || this.#asleep;
    this.#timer = window.setTimeout(() => this.#connect(), wait);
    // An event source hides why it failed: a request says it.
    try {
      await get('/api/v1/dashboards');
    } catch (error) {
      if (overtaken()) return;
      if (error instanceof ApiError && error.status !== 0) {
        this.error = error.message;
      }
      return;
    }
    // Tiles that never had an answer may never get one this way: the server
    // refuses the view, and each question for itself says why.
    const waiting = Object.values(this.tiles).some(({ loading }) => loading);
    const held = this.#failures >= kPollAfter;
    if (overtaken() || !(held || (waiting && this.#failures > 1))) return;
    await this.#ask(this.#dashboard.tiles.map((_, index) => index));
    if (held && this.#source === null && !overtaken()) {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#connect(), kPollEvery);
    }
  }

  #receive(message: StreamMessage, at: number): void {
    this.#failures = 0;
    this.heard = at;
    this.#expect(at + kSilent);
    const { tiles, freshness, model_version = this.#model } = message;
    this.#model ||= model_version;
    if (this.#model !== model_version) {
      this.outdated = true;
      return;
    }
    if (freshness) this.told = { ...freshness, at };
    const changed: Record<number, TileState> = {};
    for (const [index, message] of Object.entries(tiles)) {
      changed[Number(index)] = this.#stateOf(Number(index), message);
    }
    this.error = null;
    if (this.connection === 'reconnecting') server.backs += 1;
    this.connection = 'live';
    this.#put(changed);
  }

  #stateOf(index: number, message: TileMessage): TileState {
    if ('error' in message) {
      const answer = this.tiles[index]?.answer ?? null;
      return { answer, error: message.error, loading: false, receivedAt: Date.now() };
    }
    return { answer: message, error: null, loading: false, receivedAt: Date.now() };
  }

  #put(changed: Record<number, TileState>): void {
    this.tiles = { ...this.tiles, ...changed };
  }

  async #ask(indexes: number[]): Promise<void> {
    const view = this.#view;
    const asked = indexes.map((index) => {
      const tile = this.#dashboard.tiles[index];
      return tile ? questionsOf(tile, requestOf(view)) : [];
    });
    const answers = await ask(asked.flat());
    if (view !== this.#view) return;
    const changed: Record<number, TileState> = {};
    let at = 0;
    indexes.forEach((index, i) => {
      const count = asked[i]?.length ?? 0;
      const message = together(answers.slice(at, at + count));
      at += count;
      if (message) changed[index] = this.#stateOf(index, message);
    });
    this.#put(changed);
  }
}
