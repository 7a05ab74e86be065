// "As of complete data": the view cut where its last whole bucket ended, as the
// server marks buckets of one KPI a data set; the data set that is furthest
// behind decides. Asked again each minute.
import { ask, kTooFine } from '../api/questions';
import type { KpiDefinition } from '../api/types';
import { shiftWall, spanOf, wallTime } from '../format/time';
import { clock } from '../state/clock.svelte';
import { standsFor } from '../state/compared.svelte';
import { requestOf, type View } from './view';

type Range = { from: string; to: string };

const kRetry = 2000; // ms
const kMonths: Record<string, number> = { mtd: 1, qtd: 3, ytd: 12 };

export class CompleteView {
  // What to ask for; null until it is known.
  exact = $state.raw<View | null>(null);
  range = $state.raw<Range | undefined>(undefined); // uncut
  upTo = $state(''); // where it was cut; '' if it was not
  none = $state(false); // no bucket is complete: `exact` is everything up to now

  // Call in component initialisation.
  constructor(view: () => View, kpis: () => KpiDefinition[], grain: () => string) {
    const minute = $derived(Math.floor(clock.now / 60_000));
    const names = $derived(probes(kpis()).join());
    $effect(() => {
      void minute;
      const wanted = view();
      if (wanted.asof === 'complete') void this.#cut(wanted, names.split(','), grain());
      else {
        this.#asked += 1;
        this.#set(wanted, undefined, '', false);
      }
    });
  }

  #asked = 0;
  async #cut(view: View, kpis: string[], grain: string): Promise<void> {
    const own = (this.#asked += 1);
    const { filter: _, compare: __, ...rest } = requestOf(view);
    const answers = await ask(kpis.filter(Boolean).map((kpi) => ({ ...rest, kpi, grain })));
    if (own !== this.#asked) return;
    const faults = answers.map((answer) => ('error' in answer ? answer.error.code : ''));
    if (faults.length > 0 && faults.every((code) => code === 'unreachable')) {
      window.setTimeout(() => own === this.#asked && void this.#cut(view, kpis, grain), kRetry);
      return;
    }
    const tooFine = answers.some((answer) => 'error' in answer && kTooFine.test(answer.error.message));
    if (tooFine && grain !== 'day') return this.#cut(view, kpis, 'day');
    // What is wrong with the view itself is said by whoever shows it.
    const wrong = faults.length > 0 && faults.every(Boolean);
    let range: Range | undefined;
    let end = '';
    let none = answers.length === 0;
    for (const answer of answers) {
      if ('error' in answer || !answer.range) continue;
      range = answer.range;
      const points = answer.series ?? [];
      const last = points.findLastIndex((point) => !point.partial);
      if (last < 0) none = true;
      const own = points[last + 1]?.t ?? range.to;
      if (end === '' || Date.parse(own) < Date.parse(end)) end = own;
    }
    if (!range || none) this.#set(view, range, '', !wrong);
    else if (Date.parse(end) >= Date.parse(range.to)) this.#set(view, range, '', false);
    else this.#set(cutAt(view, range, end), range, end, false);
  }

  #set(view: View, range: Range | undefined, upTo: string, none: boolean): void {
    this.exact = { ...view, asof: '' };
    this.range = range;
    this.upTo = upTo;
    this.none = none;
  }
}

// One KPI of each data set.
function probes(kpis: KpiDefinition[]): string[] {
  const found = new Map<string, string>();
  for (const { kpi, dataset } of kpis) {
    if (dataset && !found.has(dataset)) found.set(dataset, kpi);
  }
  return [...found.values()];
}

// The period before is as long as the whole range, not as what is left of it.
function cutAt(view: View, range: Range, end: string): View {
  const wall = (time: string) => wallTime(Date.parse(time), view.tz);
  const from = wall(range.from);
  const to = wall(end);
  let compare = view.compare;
  if (compare === 'previous') {
    const months = kMonths[view.range] ?? 0;
    const span = months > 0 ? 0 : spanOf(from, wall(range.to));
    compare = `${shiftWall(from, -months, -span)}/${shiftWall(to, -months, -span)}`;
    standsFor.previous = compare;
  }
  return { ...view, range: '', from: range.from, to: end, compare };
}
