// t('key', {name: value}): text of the chosen language. Keys are checked by the
// compiler, and so is that every language has every key. In a text `{n}` stands
// for a part, `{n?row:rows}` for the first word where that part is 1.
import { settings } from '../state/settings.svelte';
import { catalogue } from './catalogue.svelte';
import { en, type MessageKey } from './en';

export type { MessageKey };

const texts = () => (settings.language === 'es' ? (catalogue.es ?? en) : en);

export function t(
  key: MessageKey,
  parts: Record<string, string | number> = {},
): string {
  return texts()[key].replace(
    /\{(\w+)(?:\?([^:}]*):([^}]*))?\}/g,
    (whole, name: string, one?: string, many?: string) => {
      const part = String(parts[name] ?? whole);
      return one === undefined ? part : ((part === '1' ? one : many) ?? '');
    },
  );
}

// For names that come from the server, such as states: the translation if the
// catalogue has one, else the name itself in plain words.
export function named(prefix: string, name: string): string {
  const key = `${prefix}.${name}`;
  return key in texts() ? t(key as MessageKey) : name.replaceAll('_', ' ');
}
