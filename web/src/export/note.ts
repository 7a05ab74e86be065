// What a picture says of itself, where nothing else does: its number, of when,
// against what, of which part.
import type { KpiAnswer } from '../api/types';
import type { Filter } from '../filters/filter';
import { full } from '../format/number';
import { day, instant, stamp } from '../format/time';
import { filterName, filterValue } from '../format/words';
import { t } from '../messages/messages';
import { compareName } from '../state/compared.svelte';

// "Sat, Nov 28", or from one day to another.
function days(range: KpiAnswer['range'], tz: string): string {
  const first = instant(range?.from);
  const end = instant(range?.to);
  if (first === null || end === null) return '';
  const [from, to] = [day(first, tz), day(end - 1, tz)];
  return from === to ? from : t('time.between', { from, to });
}

const kNamed = 5;
function said({ dimension, exclude, values }: Filter): string {
  const more = values.length > kNamed ? ` +${values.length - kNamed}` : '';
  const some = values.slice(0, kNamed).map((value) => filterValue(dimension, value));
  return `${filterName(dimension)}${exclude ? ' ≠' : ':'} ${some.join(', ')}${more}`;
}

export function pictureNote(
  answer: KpiAnswer,
  tz: string,
  filters: Filter[],
  dashed: boolean, // whether it shows what it is compared with
): string {
  const { range, compare, provenance } = answer.steps?.[0] ?? answer;
  return [
    answer.steps ? '' : full(answer.value, answer),
    days(range, tz),
    compare ? (dashed ? '- - ' : '') + compareName(compare.kind) : '',
    ...filters.map(said),
    `${t('info.as_of')} ${stamp(provenance?.as_of, tz)}`,
  ]
    .filter(Boolean)
    .join(' · ');
}
