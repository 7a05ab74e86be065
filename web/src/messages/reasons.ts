// Why there is no number. The server says it in English sentences of its own;
// here they are told apart, and said in the reader's language.
import type { KpiAnswer } from '../api/types';
import type { View } from '../dashboard/view';
import { stamp } from '../format/time';
import { rangeName } from '../format/words';
import { t, type MessageKey } from './messages';

// Named groups are parts of the text. A reason that is not here is shown as the
// server wrote it.
const kReasons: [RegExp, MessageKey][] = [
  [/^the range has not begun$/, 'reason.not_begun'],
  [/^no data has arrived yet$/, 'reason.never'],
  [/^no event of this range passes the filter$/, 'reason.filtered'],
  [/^no store has data in both periods$/, 'reason.no_store'],
  [/^division by zero$/, 'reason.zero'],
  [/^nothing to compute the value from in this range$/, 'reason.no_values'],
  [/^nothing to compare with in the compared range$/, 'reason.not_compared'],
  [/^the dataset is not ready: (?<name>.+)$/, 'reason.not_ready'],
  [/^the target is for all of /, 'target.whole_only'],
  [/ are by (?<by>.+), and do not add up$/, 'target.by_parts'],
  [/ has no target for this (?<by>.+)$/, 'target.none_for'],
];

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export function said(reason: string): string {
  // An error's words arrive as a sentence already.
  const own = reason.charAt(0).toLowerCase() + reason.slice(1);
  for (const [pattern, key] of kReasons) {
    const found = pattern.exec(own);
    if (found) return t(key, found.groups ?? {});
  }
  return sentence(reason);
}

// Nothing happened in the range: then it helps to know what the newest is.
const kNothing = new Set<string | undefined>([
  undefined,
  'no data has arrived for this range yet',
  'no data in this range',
]);

// Why an answer has no number, as one line.
export function missing(answer: KpiAnswer, { range, from, tz }: View): string {
  const { reason, newest } = answer;
  if (!kNothing.has(reason)) return said(reason ?? '');
  const text = from
    ? t('reason.nothing')
    : range === 'today'
      ? t('tile.empty_today')
      : t('tile.empty', { range: rangeName(range).toLowerCase() });
  return newest ? `${text} · ${t('tile.newest', { time: stamp(newest, tz) })}` : text;
}
