// How much larger than on a desk everything is drawn: the style sheet says so by
// the root's font size.
const kRoot = 16;
const read = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / kRoot || 1;

export const scale = $state({ factor: read() });

export function readScale(): number {
  const factor = read();
  if (factor !== scale.factor) scale.factor = factor;
  return factor;
}
window.addEventListener('resize', readScale);
