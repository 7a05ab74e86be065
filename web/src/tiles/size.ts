// A tile's place on the grid: "3x2" is three columns and two rows of it.
import type { TileDefinition } from '../api/types';

const kWhole = 13; // rows of a table that is shown whole; a longer one scrolls
const kAsked = 10;

// For how many rows a table keeps room.
export function tableRows(tile: TileDefinition): number {
  const asked = tile.top ?? kAsked;
  return asked <= kWhole ? asked : 0;
}

export function sizeOf(tile: TileDefinition): { width: number; height: number } {
  const [width, height] = (tile.size ?? '').split('x').map(Number);
  return { width: width || 1, height: height || 1 };
}
