// The address bar as state: pages read `here`, links and filters call go().
export const here = $state({
  path: window.location.pathname,
  search: window.location.search,
  depth: depth(), // changes of the address that can be taken back
});

// Kept with the page's entry in the history, also over a reload.
function depth(): number {
  return (window.history.state as { depth?: number } | null)?.depth ?? 0;
}

function read(): void {
  here.path = window.location.pathname;
  here.search = window.location.search;
  here.depth = depth();
}

export function go(url: string): void {
  const now = window.location.pathname + window.location.search;
  if (url !== now) window.history.pushState({ depth: here.depth + 1 }, '', url);
  read();
}

// Of what comes by itself no history is kept.
export function replace(url: string): void {
  window.history.replaceState(window.history.state, '', url);
  read();
}

// Takes the last change of the address back.
export function undo(): void {
  if (here.depth > 0) window.history.back();
}

// Follows plain clicks on links to our own pages without loading them anew.
function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest('a');
  if (!link || link.target || link.origin !== window.location.origin) return;
  if (link.hasAttribute('download') || link.pathname.startsWith('/api/')) return;
  if (link.hash) return;
  event.preventDefault();
  go(link.pathname + link.search);
  window.scrollTo(0, 0);
}

function onkeydown(event: KeyboardEvent): void {
  if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  if ((event.target as Element).closest('input, textarea, select')) return;
  event.preventDefault();
  undo();
}

export function startRouting(): () => void {
  window.addEventListener('popstate', read);
  document.addEventListener('click', follow);
  window.addEventListener('keydown', onkeydown);
  return () => {
    window.removeEventListener('popstate', read);
    document.removeEventListener('click', follow);
    window.removeEventListener('keydown', onkeydown);
  };
}
