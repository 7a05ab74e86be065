import type { AcceptedPlugin } from 'postcss';

// Sizes are written in pixels of a desk's screen and shipped in rem, so that
// one font size at the root makes everything larger: on a screen of 4K, or for
// who set larger letters in the browser. "PX" stays as it is, for drawings
// that have a scale of their own; so do widths of the screen (@media).
const kRoot = 16;
const inRem = (text: string): string =>
  text.replace(/(-?\d*\.?\d+)px\b/g, (_, n: string) => `${+(Number(n) / kRoot).toFixed(5)}rem`);

export const rem: AcceptedPlugin = {
  postcssPlugin: 'rem',
  Declaration(declaration) {
    if (declaration.value.includes('px')) declaration.value = inRem(declaration.value);
  },
  AtRule: {
    container(rule) {
      if (rule.params.includes('px')) rule.params = inRem(rule.params);
    },
  },
};
