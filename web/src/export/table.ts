// A table to take away: what is exported is the same for every kind of file.
export type Cell = string | number | boolean | null;

export interface Table {
  title: string;
  columns: string[];
  rows: Cell[][];
}
