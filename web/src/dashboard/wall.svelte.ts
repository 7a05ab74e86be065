// Wall-screen mode, `?wall=30`: no chrome, larger numbers, the next dashboard
// every so many seconds. Embed mode, `?embed=1`: no chrome, for a frame.
import { go, here } from '../state/location.svelte';
import { server } from '../state/status.svelte';

const kShortest = 5;

export class Screen {
  readonly wall = $derived.by(() => {
    const seconds = Number(new URLSearchParams(here.search).get('wall'));
    return seconds > 0 ? Math.max(kShortest, seconds) : 0;
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
    const timer = window.setTimeout(() => {
      const all = server.dashboards ?? [];
      const at = all.findIndex((item) => item.dashboard === current);
      const next = all[(at + 1) % all.length];
      if (next && next.dashboard !== current) {
        go(
          `/d/${encodeURIComponent(next.dashboard)}?${new URLSearchParams(this.carried)}`,
        );
      }
    }, this.wall * 1000);
    return () => window.clearTimeout(timer);
  }
}

export const screen = new Screen();
