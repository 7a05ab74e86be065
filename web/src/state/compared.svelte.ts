// How a comparison is called. Where the page itself says from when to when, it
// stands for what the viewer chose.
import { named, t } from '../messages/messages';

export const standsFor = $state({ previous: '' });

export function compareName(kind: string): string {
  if (kind !== '' && kind === standsFor.previous) return t('compare.previous');
  return kind.includes('/') ? t('compare.custom') : named('compare', kind);
}
