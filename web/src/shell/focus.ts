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

// A list that follows the filters: of a row that goes, the one with its name (the
// button's title) has the focus, else the first.
export function keepsFocus(list: HTMLElement) {
  let name: string | null = null;
  const came = (event: FocusEvent) => {
    name = (event.target as HTMLElement).title;
  };
  const went = (event: FocusEvent) => {
    const from = event.target as HTMLElement;
    void tick().then(() => {
      if (from.isConnected) name = null; // it was left, and has not gone
    });
  };
  const watch = new MutationObserver(() => {
    if (name === null || !lost()) return;
    const rows = [...list.querySelectorAll('button')];
    (rows.find((row) => row.title === name) ?? rows[0])?.focus();
  });
  list.addEventListener('focusin', came);
  list.addEventListener('focusout', went);
  watch.observe(list, { childList: true, subtree: true });
  return { destroy: () => watch.disconnect() };
}
