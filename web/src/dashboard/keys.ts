// Keys that work anywhere on a dashboard but in a field; `?` lists them.
import type { LiveDashboard } from './live.svelte';

function press(place: string): void {
  document.querySelector<HTMLElement>(`${place} button[aria-haspopup]`)?.click();
}

export function dashboardKey(event: KeyboardEvent, live: LiveDashboard): void {
  if ((event.target as Element).closest('input, textarea, select, dialog')) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'p') {
    if (live.connection === 'paused') live.resume();
    else live.pause();
  } else if (event.key === 't') press('.time');
  else if (event.key === '/') press('.filters');
  else return;
  event.preventDefault();
}
