// What happened besides the numbers: when alerts on a KPI fired and ended, asked
// when a chart wants it, and again now and then; and what the page itself knows
// of its time, such as promotions.
import { SvelteMap } from 'svelte/reactivity';
import { get } from '../api/client';
import type { Annotation } from '../api/types';
import type { Flag } from '../chart/plot_options';
import { instant } from '../format/time';
import { t } from '../messages/messages';
import { server } from './status.svelte';

interface Turn {
  t: string;
  labels: Record<string, string>;
  from: string;
  to: string;
}

const kEvery = 60_000;

class Annotations {
  #flags = new SvelteMap<string, Flag[]>();
  #asked = new Map<string, number>();

  #page = $state.raw<Flag[]>([]);

  of(kpi: string): Flag[] {
    return [...this.#page, ...(this.#flags.get(kpi) ?? [])];
  }

  // Those of the page on screen; gives the function that takes them away.
  show(known: Annotation[]): () => void {
    this.#page = known.map(bandOf).sort((a, b) => a.time - b.time);
    return () => (this.#page = []);
  }

  want(kpi: string): void {
    const rules = server.alerts.filter((rule) => rule.kpi === kpi);
    const now = Date.now();
    if (rules.length === 0 || now - (this.#asked.get(kpi) ?? 0) < kEvery) return;
    this.#asked.set(kpi, now);
    void this.#load(
      kpi,
      rules.map((rule) => rule.alert),
    );
  }

  async #load(kpi: string, alerts: string[]): Promise<void> {
    try {
      const histories = await Promise.all(
        alerts.map((alert) =>
          get<{ history: Turn[] }>(`/api/v1/alerts/${encodeURIComponent(alert)}/history`),
        ),
      );
      const turns = histories.flatMap(({ history }) => history);
      this.#flags.set(kpi, turns.flatMap(flagOf));
    } catch {
      this.#asked.delete(kpi); // a chart without flags; asked again
    }
  }
}

function bandOf({ title, from, to }: Annotation): Flag {
  const seconds = (text: string) => (instant(text) ?? 0) / 1000;
  return { time: seconds(from), end: seconds(to), text: title, tone: 'muted' };
}

function flagOf({ t: time, labels, from, to }: Turn): Flag[] {
  const ms = instant(time);
  const bad = to === 'firing';
  if (ms === null || (!bad && from !== 'firing')) return [];
  const who = Object.values(labels).join(', ');
  const text = t(bad ? 'flag.fired' : 'flag.ended', { who });
  return [{ time: ms / 1000, text: text.trim(), tone: bad ? 'bad' : 'good' }];
}

export const annotations = new Annotations();
