// What happened to a KPI besides its numbers: when alerts on it fired and ended.
// Asked when a chart wants it, and again now and then.
import { SvelteMap } from 'svelte/reactivity';
import { get } from '../api/client';
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

  of(kpi: string): Flag[] {
    return this.#flags.get(kpi) ?? [];
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

function flagOf({ t: time, labels, from, to }: Turn): Flag[] {
  const ms = instant(time);
  const bad = to === 'firing';
  if (ms === null || (!bad && from !== 'firing')) return [];
  const who = Object.values(labels).join(', ');
  const text = t(bad ? 'flag.fired' : 'flag.ended', { who });
  return [{ time: ms / 1000, text: text.trim(), bad }];
}

export const annotations = new Annotations();
