// Degrees on a plane: a small part of the world without visible distortion.
export type Point = [number, number]; // degrees north, east

export interface Projection {
  width: number;
  height: number;
  place: (point: Point) => { x: number; y: number };
}

export function projection(points: Point[], width: number): Projection {
  const norths = points.map(([north]) => north);
  const easts = points.map(([, east]) => east);
  const top = Math.max(...norths);
  const bottom = Math.min(...norths);
  const left = Math.min(...easts);
  const right = Math.max(...easts);
  const narrow = Math.cos((((top + bottom) / 2) * Math.PI) / 180);
  const spanX = Math.max((right - left) * narrow, 0.01);
  const spanY = Math.max(top - bottom, 0.01);
  const scale = width / spanX;
  return {
    width,
    height: spanY * scale,
    place: ([north, east]) => ({
      x: (east - left) * narrow * scale,
      y: (top - north) * scale,
    }),
  };
}
