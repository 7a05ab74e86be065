// Names of the model as people would write them.
import { named, t } from '../messages/messages';
import { spell } from './number';
import { weekday } from './time';

// "voucher_id" as "voucher id".
export const plain = (name: string): string => name.replace(/[._-]+/g, ' ').trim();

// The same where a sentence begins: "Voucher id".
export function titled(name: string): string {
  const words = plain(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// Of a filter: a dimension, or a part of the time.
export const filterName = (dimension: string): string =>
  dimension.startsWith('__') ? named('part', dimension) : plain(dimension);

// "Monday" for 1, "09:00" for 9; '' is a missing value.
export function filterValue(dimension: string, value: string): string {
  if (dimension === '__weekday') return weekday(Number(value), 'long');
  if (dimension === '__hour') return `${value.padStart(2, '0')}:00`;
  return value || t('bars.no_value');
}

// "last_14d" and "-14d" as "Last 14 days".
export function rangeName(range: string): string {
  const length = /^(?:last_|-)(\d+[smhdw])$/.exec(range)?.[1];
  if (!length) return named('range', range);
  return t('range.last', { time: spell(length), feminine: /[hw]/.test(length) ? 1 : 0 });
}
