// The queries run in this browser, newest first.
const kKey = 'freshet.queries';
const kMost = 50;

function stored(): string[] {
  try {
    const list: unknown = JSON.parse(window.localStorage.getItem(kKey) ?? '[]');
    return Array.isArray(list)
      ? list.filter((q): q is string => typeof q === 'string')
      : [];
  } catch {
    return [];
  }
}

class History {
  queries = $state.raw(stored());

  add(query: string): void {
    this.queries = [query, ...this.queries.filter((old) => old !== query)].slice(
      0,
      kMost,
    );
    try {
      window.localStorage.setItem(kKey, JSON.stringify(this.queries));
    } catch {
      // Private windows may refuse storage: the list then lasts for this page.
    }
  }
}

export const history = new History();
