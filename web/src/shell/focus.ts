// Who works by keyboard must not be thrown back to the top of the page when what
// had the focus goes away.
import { tick } from 'svelte';

const lost = () => document.activeElement === null || document.activeElement === document.body;

// A part that is shown for a while: what had the focus when it came has it again
// when it goes.
export function givesBack(node: HTMLElement) {
  const opener = document.activeElement;
  return {
    destroy() {
      if (!lost() && !node.contains(document.activeElement)) return;
      void tick().then(() => {
        if (lost() && opener instanceof HTMLElement) opener.focus();
      });
    },
  };
}

const kMoves: Record<string, (at: number, last: number) => number> = {
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
};

// A list of buttons that follows the filters. Tab stops at it once, arrow keys
// move in it. Of a row that goes, the one with its name (the button's title) has
// the focus, else the first.
export function listKeys(list: HTMLElement) {
  const rows = () => [...list.querySelectorAll('button')];
  const stopAt = (row: Element | undefined) =>
    rows().forEach((other) => (other.tabIndex = other === row ? 0 : -1));
  let name: string | null = null;
  const came = (event: FocusEvent) => {
    const row = event.target as HTMLElement;
    name = row.title;
    stopAt(row);
  };
  const went = (event: FocusEvent) => {
    const from = event.target as HTMLElement;
    void tick().then(() => {
      // Left, not gone.
      if (from.isConnected && !list.contains(document.activeElement)) name = null;
    });
  };
  const pressed = (event: KeyboardEvent) => {
    const all = rows();
    const to = kMoves[event.key]?.(all.indexOf(event.target as HTMLButtonElement), all.length - 1);
    if (to === undefined) return;
    event.preventDefault();
    all[to]?.focus();
  };
  const changed = () => {
    const all = rows();
    if (all.filter((row) => row.tabIndex === 0).length !== 1) stopAt(all[0]);
    if (name !== null && lost()) (all.find((row) => row.title === name) ?? all[0])?.focus();
  };
  const watch = new MutationObserver(changed);
  list.addEventListener('focusin', came);
  list.addEventListener('focusout', went);
  list.addEventListener('keydown', pressed);
  watch.observe(list, { childList: true, subtree: true });
  changed();
  return { destroy: () => watch.disconnect() };
}
