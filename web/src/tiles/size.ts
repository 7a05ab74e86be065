// A tile's place on the grid: "3x2" is three columns and two rows of it.
import type { TileDefinition } from '../api/types';

export function sizeOf(tile: TileDefinition): { width: number; height: number } {
  const [width, height] = (tile.size ?? '').split('x').map(Number);
  return { width: width || 1, height: height || 1 };
}
