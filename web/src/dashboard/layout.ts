// Where the tiles of a dashboard stand: each in the first place that has room
// for it, then as wide as nothing stands in the way.
export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function layout(sizes: { width: number; height: number }[], columns: number): Place[] {
  const taken: boolean[][] = [];
  const isFree = ({ x, y, width, height }: Place) => {
    for (let row = y; row < y + height; row += 1) {
      for (let column = x; column < x + width; column += 1) {
        if (taken[row]?.[column]) return false;
      }
    }
    return true;
  };
  const take = ({ x, y, width, height }: Place) => {
    for (let row = y; row < y + height; row += 1) {
      const cells = (taken[row] ??= []);
      for (let column = x; column < x + width; column += 1) cells[column] = true;
    }
  };

  const places = sizes.map((size): Place => {
    const width = Math.min(size.width, columns);
    const place = { x: 0, y: 0, width, height: size.height };
    while (!isFree(place)) {
      place.x += 1;
      if (place.x + width > columns) [place.x, place.y] = [0, place.y + 1];
    }
    take(place);
    return place;
  });

  // A tile that became higher would only be emptier.
  for (const place of [...places].sort((a, b) => b.width - a.width)) {
    const right = () => ({ ...place, x: place.x + place.width, width: 1 });
    while (place.x + place.width < columns && isFree(right())) {
      take(right());
      place.width += 1;
    }
  }
  return places;
}
