// One event stream for all tabs that show the same: the tab that holds the lock
// of an address has the connection and tells the others; when it goes, the next
// takes over. Browsers without locks (pages without https) connect themselves.
// `(onopen onmessage*)* close`.

export interface StreamEvent {
  kind: 'snapshot' | 'delta' | 'refused' | 'lost';
  data: string;
  at: number; // when it came from the server, also where another tab tells it
}
// The parsed data of a snapshot or a delta.
export interface StreamMessage {
  tiles: Record<string, unknown>;
  [key: string]: unknown;
}

interface Told {
  hello?: true; // a tab has come and wants to know where we are
  here?: true; // the answer of those that are there
  event?: Omit<StreamEvent, 'at'> & { at?: number };
}

export class SharedStream {
  #source: EventSource | null = null;
  #channel: BroadcastChannel | null = null;
  #release: (() => void) | null = null;
  #waiting = new AbortController();
  #closed = false;
  #others = false; // there may be tabs to tell
  #last: StreamMessage | null = null;
  #lastAt = 0;
  #tiles: Record<string, unknown> = {};

  constructor(
    readonly url: string,
    readonly tell: (event: StreamEvent, message: StreamMessage | null) => void,
  ) {
    if (!('locks' in navigator) || !('BroadcastChannel' in window)) {
      this.#connect();
      return;
    }
    this.#channel = new BroadcastChannel(`freshet:${url}`);
    this.#channel.onmessage = ({ data }: MessageEvent<Told>) => this.#hear(data);
    this.#channel.postMessage({ hello: true } satisfies Told);
    const signal = this.#waiting.signal;
    navigator.locks
      .request(`freshet:${url}`, { signal }, () => this.#lead())
      .catch(() => {}); // closed while it waited
  }

  close(): void {
    this.#closed = true;
    this.#waiting.abort();
    this.#source?.close();
    this.#source = null;
    this.#channel?.close();
    this.#channel = null;
    this.#release?.();
  }

  // Holds the lock until close().
  #lead(): Promise<void> | undefined {
    if (this.#closed) return undefined;
    this.#connect();
    return new Promise((done) => (this.#release = done));
  }

  #hear({ hello, here, event }: Told): void {
    if (this.#closed) return;
    if (hello || here || event) this.#others = true;
    if (event && !this.#source) {
      // A page from before an upgrade of the server does not say when.
      const at = event.at ?? Date.now();
      this.tell({ ...event, at }, parsed(event));
    }
    if (hello) this.#channel?.postMessage({ here: true } satisfies Told);
    if (hello && this.#source && this.#last) {
      this.#channel?.postMessage({
        event: { kind: 'snapshot', data: this.#whole(), at: this.#lastAt },
      } satisfies Told);
    }
  }

  #connect(): void {
    const source = new EventSource(this.url);
    this.#source = source;
    const take = (kind: StreamEvent['kind'], data: string) => {
      if (source !== this.#source) return;
      const event = { kind, data, at: Date.now() };
      const message = parsed(event);
      if (message) this.#keep(event, message);
      this.tell(event, message);
      if (this.#others) this.#channel?.postMessage({ event } satisfies Told);
    };
    for (const kind of ['snapshot', 'delta'] as const) {
      source.addEventListener(kind, (event) =>
        take(kind, (event as MessageEvent<string>).data),
      );
    }
    // Both the server's own `error` events and a lost connection arrive here.
    source.addEventListener('error', (event) => {
      if (event instanceof MessageEvent) take('refused', String(event.data));
      else if (source.readyState !== EventSource.CLOSED) take('lost', '');
      else void refusal(this.url).then((text) => take(text ? 'refused' : 'lost', text));
    });
  }

  // What a tab that comes later must be told: all tiles as they are now.
  #keep({ kind, at }: StreamEvent, message: StreamMessage): void {
    const { tiles } = message;
    this.#tiles = kind === 'snapshot' ? { ...tiles } : Object.assign(this.#tiles, tiles);
    this.#last = { ...this.#last, ...message };
    this.#lastAt = at;
  }
  #whole(): string {
    return JSON.stringify({ ...this.#last, tiles: this.#tiles });
  }
}

// Why the server will not open a stream, as it said it; '' if it does open it or
// is not there. An event source does not tell.
async function refusal(url: string): Promise<string> {
  const over = new AbortController();
  try {
    const response = await fetch(url, { signal: over.signal });
    const own = /json/.test(response.headers.get('content-type') ?? '');
    return own && [400, 404].includes(response.status) ? await response.text() : '';
  } catch {
    return '';
  } finally {
    over.abort();
  }
}

function parsed({ kind, data }: Omit<StreamEvent, 'at'>): StreamMessage | null {
  if (kind !== 'snapshot' && kind !== 'delta') return null;
  return JSON.parse(data) as StreamMessage;
}
