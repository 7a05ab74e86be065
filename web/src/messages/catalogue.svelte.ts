// Texts of languages other than English, loaded when they are first chosen;
// until then, and when they can't be, English stands in.
import type { MessageKey } from './en';

type Texts = Record<MessageKey, string>;

class Catalogue {
  es = $state.raw<Texts | null>(null);

  async load(language: string): Promise<void> {
    if (language !== 'es' || this.es) return;
    this.es = (await import('./es')).es;
  }
}

export const catalogue = new Catalogue();
