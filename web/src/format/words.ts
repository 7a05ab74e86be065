// Names of the model as people would write them.
import { named, t } from '../messages/messages';
import { spell } from './number';

// "voucher_id" as "voucher id".
export const plain = (name: string): string => name.replace(/[._-]+/g, ' ').trim();

// The same where a sentence begins: "Voucher id".
export function titled(name: string): string {
  const words = plain(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// "last_14d" and "-14d" as "Last 14 days".
export function rangeName(range: string): string {
  const length = /^(?:last_|-)(\d+[smhdw])$/.exec(range)?.[1];
  if (!length) return named('range', range);
  return t('range.last', { time: spell(length), feminine: /[hw]/.test(length) ? 1 : 0 });
}
