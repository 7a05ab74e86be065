// Wall-screen mode, `?wall=30`: no chrome, larger numbers, the next dashboard
// every so many seconds, which the screens of a higher one share. Embed mode, `?embed=1`: no chrome, for a frame.
import { here, replace } from '../state/location.svelte';
import { server } from '../state/status.svelte';

const kShortest = 5;
const kLongest = 86_400; // a timer has 31 bits of milliseconds
const kArrive = 1000; // ms until a dashboard is as high as it will be
const kGap = 12; // px between bar and tile

// Brings the first tile that is not wholly in sight under the bar; false if there
// is none.
function showBelow(): boolean {
  const bar = document.querySelector('header')?.getBoundingClientRect().bottom ?? 0;
  const tops = [...document.querySelectorAll('main article')]
    .map((tile) => tile.getBoundingClientRect())
    .filter((tile) => tile.bottom > window.innerHeight + 1 && tile.top > bar + kGap)
    .map((tile) => tile.top);
  if (tops.length === 0) return false;
  const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  window.scrollBy({
    top: Math.min(...tops) - bar - kGap,
    behavior: still ? 'instant' : 'smooth',
  });
  return true;
}

export class Screen {
  readonly wall = $derived.by(() => {
    const seconds = Number(new URLSearchParams(here.search).get('wall'));
    return seconds > 0 ? Math.min(Math.max(kShortest, seconds), kLongest) : 0;
  });
  readonly embed = $derived(new URLSearchParams(here.search).get('embed') === '1');
  readonly bare = $derived(this.wall > 0 || this.embed);

  // What other addresses of this screen must carry on.
  get carried(): Record<string, string> {
    const query = new URLSearchParams(here.search);
    const kept = ['wall', 'embed', 'theme'].flatMap((name) => {
      const value = query.get(name);
      return value ? [[name, value] as const] : [];
    });
    return Object.fromEntries(kept);
  }

  // Shows the next dashboard in due time; gives the function that stops it.
  rotate(current: string): () => void {
    if (this.wall === 0) return () => {};
    let timer = 0;
    const wait = () => {
      const screens = Math.ceil(document.documentElement.scrollHeight / window.innerHeight);
      timer = window.setTimeout(turn, (this.wall * 1000) / screens);
    };
    const turn = () => {
      wait();
      if (showBelow()) return;
      window.scrollTo({ top: 0 });
      const all = server.dashboards ?? [];
      const at = all.findIndex((item) => item.dashboard === current);
      const next = all[(at + 1) % all.length];
      if (next && next.dashboard !== current) {
        replace(
          `/d/${encodeURIComponent(next.dashboard)}?${new URLSearchParams(this.carried)}`,
        );
      }
    };
    timer = window.setTimeout(wait, kArrive);
    return () => window.clearTimeout(timer);
  }
}

export const screen = new Screen();
