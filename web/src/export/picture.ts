import type { KpiAnswer } from '../api/types';
import { colour } from '../chart/plot_options';
import type { Filter } from '../filters/filter';
import { scale } from '../state/scale.svelte';
import { pictureNote } from './note';
import { paint } from './paint';
import { fileName, save } from './save';

// px, at the desk's scale
const kHead = 44;
const kMargin = 10;

// Gives the viewer the chart or list in `place` as a PNG, with its title and
// what it is of, in the colours and the size it has on screen.
export async function savePicture(
  place: Element | null | undefined,
  title: string,
  answer: KpiAnswer,
  tz: string,
  filters: Filter[],
): Promise<void> {
  const shown = place?.querySelector('.uplot') ?? place;
  const ctx = document.createElement('canvas').getContext('2d');
  if (!shown || !ctx) return;
  const { left, top, width, height } = shown.getBoundingClientRect();
  const { canvas } = ctx;
  const note = pictureNote(answer, tz, filters, shown !== place);
  const noteFont = '12px system-ui, sans-serif';
  const titleFont = '600 15px system-ui, sans-serif';
  const { factor } = scale;
  const widths = [[title, titleFont], [note, noteFont]].map(([text = '', font = '']) => {
    ctx.font = font;
    return ctx.measureText(text).width * factor;
  });
  const wide = Math.max(width, ...widths) + 2 * kMargin * factor;
  const dots = window.devicePixelRatio || 1;
  canvas.width = wide * dots;
  canvas.height = (height + (kHead + kMargin) * factor) * dots;
  ctx.fillStyle = colour('--surface');
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.scale(dots * factor, dots * factor);
  ctx.fillStyle = colour('--text');
  ctx.font = titleFont;
  ctx.fillText(title, kMargin, 18);
  ctx.fillStyle = colour('--muted');
  ctx.font = noteFont;
  ctx.fillText(note, kMargin, 36);
  ctx.setTransform(dots, 0, 0, dots, 0, 0);
  ctx.translate(kMargin * factor - left, kHead * factor - top);
  paint(ctx, shown);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  if (blob) save(blob, fileName(title, 'png'));
}
