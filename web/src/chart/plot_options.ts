// How a line chart is drawn. Colours are read from the style sheet when the
// chart paints, so that a change of theme needs no new chart.
import uPlot from 'uplot';
import { alike, type Unit } from '../format/number';
import { clock, shortDay } from '../format/time';
import { scale } from '../state/scale.svelte';
import type { ChartData } from './chart_data';

// A point of a desk's screen on the canvas.
const dot = () => devicePixelRatio * scale.factor;

// Something that happened: a flag above the line, or a band behind it while it
// lasted.
export interface Flag {
  time: number; // seconds
  end?: number; // not included
  text: string;
  tone: 'good' | 'bad' | 'muted';
}

// Asked of the style sheet once a theme: a chart needs a dozen each time it is
// drawn.
const kColours = new Map<string, string>();
export function colour(name: string): string {
  const root = document.documentElement;
  const key = `${root.dataset.theme} ${name}`;
  let value = kColours.get(key);
  if (value === undefined) {
    value = getComputedStyle(root).getPropertyValue(name).trim();
    kColours.set(key, value);
  }
  return value;
}

export function columns(data: ChartData): uPlot.AlignedData {
  return [data.times, data.ghost, data.before, data.firm, data.open];
}

// Whether the drawing of `next` would differ from the one of `drawn` on screen:
// writing the axes anew is most of a chart's cost, and most events of a running
// bucket move its line by less than half a pixel.
export function differs(plot: uPlot, drawn: ChartData | null, next: ChartData): boolean {
  if (
    !drawn ||
    drawn.target !== next.target ||
    drawn.expected !== next.expected ||
    drawn.restated.join() !== next.restated.join()
  ) {
    return true;
  }
  const { min = 0, max = 0 } = plot.scales.y ?? {};
  const half = ((max ?? 0) - (min ?? 0)) / Math.max(plot.bbox.height, 1) / 2;
  const [before, after] = [columns(drawn), columns(next)];
  return after.some((column, of) => {
    const old = before[of] ?? [];
    if (old.length !== column.length) return true;
    for (let i = 0; i < column.length; i += 1) {
      const [a, b] = [old[i] ?? null, column[i] ?? null];
      if (a === b) continue;
      if (of === 0 || a === null || b === null || Math.abs(a - b) > half) return true;
    }
    return false;
  });
}

function valueRange(data: () => ChartData) {
  return (_: uPlot, low: number | null, high: number | null): [number, number] => {
    const { target, zeroBased, expected } = data();
    const highs = (expected ?? []).map((e) => e.high ?? -Infinity);
    const lows = (expected ?? []).map((e) => e.low ?? Infinity);
    const top = Math.max(high ?? 1, target ?? -Infinity, ...highs);
    const bottom = Math.min(low ?? 0, target ?? Infinity, ...lows);
    if (zeroBased) return [Math.min(0, bottom), (top > 0 ? top : 1) * 1.08];
    const room = (top - bottom || Math.abs(top) || 1) * 0.12;
    return [bottom - room, top + room];
  };
}

function drawTarget(plot: uPlot, target: number | null, text: string): void {
  if (target === null) return;
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(target, 'y', true));
  ctx.save();
  ctx.strokeStyle = colour('--edge');
  ctx.lineWidth = dot();
  ctx.setLineDash([2 * dot(), 3 * dot()]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.fillStyle = colour('--muted');
  ctx.font = `${11 * dot()}px system-ui, sans-serif`;
  ctx.textAlign = 'right';
  ctx.fillText(text, bbox.left + bbox.width, y - 6 * dot());
  ctx.restore();
}

function drawFlags(plot: uPlot, flags: Flag[]): void {
  const { ctx, bbox } = plot;
  const size = 5 * dot();
  ctx.save();
  for (const { time, end, tone } of flags) {
    const x = Math.round(plot.valToPos(time, 'x', true));
    if (end !== undefined || x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(`--${tone}`);
    ctx.lineWidth = dot();
    ctx.setLineDash([2 * dot(), 3 * dot()]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - size, bbox.top - size);
    ctx.lineTo(x + size, bbox.top - size);
    ctx.lineTo(x, bbox.top + size);
    ctx.fill();
  }
  ctx.restore();
}

// Bands lie behind the lines; their names stand at the bottom, where lines of
// amounts leave room, as long as they don't run into each other.
function drawBands(plot: uPlot, flags: Flag[]): void {
  const { ctx, bbox } = plot;
  const right = bbox.left + bbox.width;
  const at = (time: number) =>
    Math.min(right, Math.max(bbox.left, plot.valToPos(time, 'x', true)));
  ctx.save();
  ctx.font = `${11 * dot()}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  let free = -Infinity;
  for (const { time, end, text } of flags) {
    if (end === undefined) continue;
    const [x, width] = [at(time), at(end) - at(time)];
    if (width < 1) continue;
    ctx.fillStyle = `rgb(${colour('--heat')} / 0.09)`;
    ctx.fillRect(x, bbox.top, width, bbox.height);
    const room = ctx.measureText(text).width + 8 * dot();
    if (x < free || x + room > right) continue;
    ctx.fillStyle = colour('--muted');
    ctx.fillText(text, x + 4 * dot(), bbox.top + bbox.height - 2 * dot()); // prettier-ignore
    free = x + room;
  }
  ctx.restore();
}

// Behind the lines, one shape for each stretch that is known.
function drawExpected(plot: uPlot, { times, expected }: ChartData): void {
  if (!expected) return;
  const { ctx } = plot;
  const at = (i: number, value: number | null): [number, number] => [
    plot.valToPos(times[i] ?? 0, 'x', true),
    plot.valToPos(value ?? 0, 'y', true),
  ];
  ctx.save();
  ctx.fillStyle = colour('--expected');
  for (let from = 0; from < expected.length; from += 1) {
    if (expected[from]?.high == null) continue;
    let to = from;
    while (expected[to + 1]?.high != null) to += 1;
    ctx.beginPath();
    for (let i = from; i <= to; i += 1) ctx.lineTo(...at(i, expected[i]?.high ?? null));
    for (let i = to; i >= from; i -= 1) ctx.lineTo(...at(i, expected[i]?.low ?? null));
    ctx.fill();
    from = to;
  }
  ctx.restore();
}

// Buckets that changed after they were over: dots beneath them.
function drawRestated(plot: uPlot, { times, restated }: ChartData): void {
  if (!restated.includes(true)) return;
  const { ctx, bbox } = plot;
  const bucket = (times[1] ?? 0) - (times[0] ?? 0);
  ctx.save();
  ctx.strokeStyle = colour('--warning');
  ctx.lineWidth = 2 * dot();
  ctx.setLineDash([2 * dot(), 3 * dot()]);
  const y = bbox.top + bbox.height - dot();
  times.forEach((time, i) => {
    if (!restated[i]) return;
    const x = plot.valToPos(time, 'x', true);
    ctx.beginPath();
    ctx.moveTo(x, y);
    ctx.lineTo(Math.max(x + 6 * dot(), plot.valToPos(time + bucket, 'x', true)), y);
    ctx.stroke();
  });
  ctx.restore();
}

const kDay = 86_400;
// Between the marks of the time axis, in seconds. uPlot takes multiples of 30
// days as months, of 365 as years.
const kDays = [1, 2, 3, 7, 14, 30, 60, 90, 180, 365].map((n) => n * kDay);
const kSteps = [60, 300, 900, 1800, ...[1, 2, 3, 4, 6, 12].map((n) => n * 3600), ...kDays];
const wholeDays = ({ grain }: ChartData) => /day|week|month|quarter|year/.test(grain);

// Around a single bucket there is a day; uPlot would make it years.
function timeRange(plot: uPlot, min: number, max: number): uPlot.Range.MinMax {
  const [times] = plot.data;
  return times.length === 1 ? [min - kDay / 2, min + kDay / 2] : [min, max];
}

// A value between two that are missing has no line: it is a dot.
function alone(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const known = (i: number) => values[i] !== null && values[i] !== undefined;
  return [...values.keys()].filter((i) => known(i) && !known(i - 1) && !known(i + 1));
}

// At most four lines across.
const roomPerLine = (height: number) => Math.max(48 * scale.factor, height / 5);

export function plotOptions(
  size: { width: number; height: number },
  data: () => ChartData,
  unit: () => Unit,
  tz: string,
  targetText: () => string,
  flags: () => Flag[],
  onmove: (index: number | null) => void,
  onselect: (from: number, to: number) => void,
): uPlot.Options {
  const of = scale.factor;
  const font = `${Math.round(11 * of)}px system-ui, sans-serif`;
  // Over more than a day, midnight is said as the day that begins.
  const label = (splits: number[]) => {
    const long = (splits.at(-1) ?? 0) - (splits[0] ?? 0) > kDay;
    return (time: number) => {
      const text = clock(time * 1000, tz, false);
      return (long || wholeDays(data())) && text === '00:00' ? shortDay(time * 1000, tz) : text;
    };
  };
  const loners = { show: true, size: 6 * of, filter: alone };
  return {
    ...size,
    tzDate: (time) => uPlot.tzDate(new Date(time * 1000), tz),
    legend: { show: false },
    padding: [10 * of, 22 * of, 0, 0],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 * of } },
    scales: { x: { time: true, range: timeRange }, y: { range: valueRange(data) } },
    axes: [
      {
        stroke: () => colour('--muted'),
        font,
        grid: { show: false },
        ticks: { show: false },
        size: 26 * of,
        gap: 5 * of,
        space: 56 * of,
        values: (_, splits) => splits.map(label(splits)),
        incrs: () => (wholeDays(data()) ? kDays : kSteps),
      },
      {
        stroke: () => colour('--muted'),
        font,
        size: 58 * of,
        gap: 5 * of,
        space: (_, __, ___, ____, height) => roomPerLine(height),
        ticks: { show: false },
        grid: { stroke: () => colour('--line'), width: of },
        values: (_, splits) => splits.map(alike(splits, unit())),
      },
    ],
    series: [
      {},
      { stroke: () => colour('--ahead'), width: 1.5 * of, dash: [2 * of, 4 * of], points: loners },
      { stroke: () => colour('--comparison'), width: 1.5 * of, dash: [4 * of, 4 * of], points: loners },
      { stroke: () => colour('--series-1'), width: 2 * of, points: loners },
      { stroke: () => colour('--series-1'), width: 2 * of, dash: [3 * of, 4 * of], points: loners },
    ],
    hooks: {
      drawAxes: [
        (plot) => drawBands(plot, flags()),
        (plot) => drawExpected(plot, data()),
      ],
      draw: [
        (plot) => drawRestated(plot, data()),
        (plot) => drawTarget(plot, data().target, targetText()),
        (plot) => drawFlags(plot, flags()),
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width > 0) onselect(plot.posToIdx(left), plot.posToIdx(left + width));
        },
      ],
      setCursor: [(plot) => onmove(plot.cursor.idx ?? null)],
    },
  };
}
