// RFC 4180: CRLF, quotes where needed. Made in pieces, so that a large table is
// never one text; a byte order mark, so that spreadsheets read UTF-8.
import type { Cell, Table } from './table';

const kRowsAPiece = 1000;

function field(value: Cell): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const line = (cells: Cell[]) => `${cells.map(field).join(',')}\r\n`;

export function csv(table: Table): Blob {
  const pieces = [`\uFEFF${line(table.columns)}`];
  for (let at = 0; at < table.rows.length; at += kRowsAPiece) {
    pieces.push(
      table.rows
        .slice(at, at + kRowsAPiece)
        .map(line)
        .join(''),
    );
  }
  return new Blob(pieces, { type: 'text/csv;charset=utf-8' });
}
