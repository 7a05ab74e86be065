// What a viewer chose for this browser: theme, language, density.
import { catalogue } from '../messages/catalogue.svelte';

export type Theme = 'system' | 'light' | 'dark';
export type Language = 'en' | 'es';
export type Density = 'normal' | 'compact';

const kKey = 'freshet.settings';
const kDark = window.matchMedia('(prefers-color-scheme: dark)');
const kPaper = window.matchMedia('print'); // is light

function stored(): Partial<Record<string, string>> {
  try {
    return JSON.parse(window.localStorage.getItem(kKey) ?? '{}') as Partial<
      Record<string, string>
    >;
  } catch {
    return {};
  }
}

function browserLanguage(): Language {
  return window.navigator.language.toLowerCase().startsWith('es') ? 'es' : 'en';
}

function initial(): { theme: Theme; language: Language; density: Density } {
  const { theme, language, density } = stored();
  return {
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    language: language === 'en' || language === 'es' ? language : browserLanguage(),
    density: density === 'compact' ? 'compact' : 'normal',
  };
}

export const settings = $state(initial());
// Grows when colours changed, for what is painted rather than styled.
export const painted = $state({ theme: 0 });

// The locale of numbers and dates: the browser's own if it speaks the chosen
// language (es-MX stays es-MX), else the language's.
const kOwn = window.navigator.language;
const kOwnLower = kOwn.toLowerCase();
export function locale(): string {
  return kOwnLower.startsWith(settings.language) ? kOwn : settings.language;
}

function apply(): void {
  const dark =
    !kPaper.matches &&
    (settings.theme === 'dark' || (settings.theme === 'system' && kDark.matches));
  const root = document.documentElement;
  root.dataset.theme = dark ? 'dark' : 'light';
  root.dataset.density = settings.density;
  root.lang = settings.language;
  painted.theme += 1;
}

export function change(part: Partial<typeof settings>): void {
  Object.assign(settings, part);
  try {
    window.localStorage.setItem(kKey, JSON.stringify(settings));
  } catch {
    // Private windows may refuse storage: the choice then lasts for this page.
  }
  apply();
  void catalogue.load(settings.language).catch(() => {});
}

kDark.addEventListener('change', apply);
kPaper.addEventListener('change', apply);
apply();
