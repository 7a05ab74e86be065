// The address bar as state: pages read `here`, links and filters call go().
export const here = $state({
  path: window.location.pathname,
  search: window.location.search,
});

function read(): void {
  here.path = window.location.pathname;
  here.search = window.location.search;
}

export function go(url: string): void {
  const now = window.location.pathname + window.location.search;
  if (url !== now) window.history.pushState(null, '', url);
  read();
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

export function startRouting(): () => void {
  window.addEventListener('popstate', read);
  document.addEventListener('click', follow);
  return () => {
    window.removeEventListener('popstate', read);
    document.removeEventListener('click', follow);
  };
}
