import { colour } from '../chart/plot_options';
import { scale } from '../state/scale.svelte';

// A chart as a picture with its title, in the colours it has on screen.
const kHead = 44;

// The first canvas inside `place`; null where there is none.
export function png(place: Element, title: string, note: string): Promise<Blob | null> {
  const chart = place.querySelector('canvas');
  if (!chart || chart.width === 0) return Promise.resolve(null);
  const ratio = (window.devicePixelRatio || 1) * scale.factor;
  const canvas = document.createElement('canvas');
  canvas.width = chart.width;
  canvas.height = chart.height + kHead * ratio;
  const ctx = canvas.getContext('2d');
  if (!ctx) return Promise.resolve(null);
  ctx.fillStyle = colour('--surface');
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.fillStyle = colour('--text');
  ctx.font = `600 ${15 * ratio}px system-ui, sans-serif`;
  ctx.fillText(title, 10 * ratio, 18 * ratio);
  ctx.fillStyle = colour('--muted');
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  ctx.fillText(note, 10 * ratio, 36 * ratio);
  ctx.drawImage(chart, 0, kHead * ratio);
  return new Promise((done) => canvas.toBlob(done, 'image/png'));
}
