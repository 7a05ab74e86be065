// Keys that work anywhere on a dashboard but in a field; `?` lists them.
import { go, here } from '../state/location.svelte';
import type { LiveDashboard } from './live.svelte';
import { withParameter } from './view';
import { screen } from './wall.svelte';

// The panel that stands in the bar itself.
function press(place: string): void {
  document.querySelector<HTMLElement>(`${place} > .root > button`)?.click();
}

export function dashboardKey(event: KeyboardEvent, live: LiveDashboard): void {
  if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
  if ((event.target as Element).closest('input, textarea, select')) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'p') {
    if (live.connection === 'paused') live.resume();
    else live.pause();
  } else if (event.key === 't') press('.time');
  else if (event.key === '/') press('.filters');
  else if (event.key === 'Escape' && screen.wall) {
    go(here.path + withParameter(here.search, 'wall', ''));
  } else return;
  event.preventDefault();
}
