// One sheet of Office Open XML (ECMA-376): texts as inline strings, so that
// nothing in them is ever a formula; numbers as numbers.
import type { Cell, Table } from './table';
import { zip } from './zip';

export const kMostSheetRows = 1_048_576; // of a spreadsheet
const kRowsAPiece = 1000;
const kHead = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const kMain = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const kOffice = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const kPackage = 'http://schemas.openxmlformats.org/package/2006';
const kSheetType = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

// Without the signs that XML 1.0 has no way to write.
function escaped(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '')
      .replace(/_(?=x[0-9a-f]{4}_)/gi, '_x005F_') // else read as one sign
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  );
}

function cell(value: Cell): string {
  if (value === null) return '<c/>';
  if (typeof value === 'number' && Number.isFinite(value))
    return `<c><v>${value}</v></c>`;
  const text = escaped(String(value).slice(0, 32_767)); // what a cell can hold
  return `<c t="inlineStr"><is><t xml:space="preserve">${text}</t></is></c>`;
}

const row = (cells: Cell[]) => `<row>${cells.map(cell).join('')}</row>`;

function sheet(table: Table): Blob {
  const pieces = [
    `${kHead}<worksheet xmlns="${kMain}"><sheetViews><sheetView workbookViewId="0">` +
      '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' +
      `</sheetView></sheetViews><sheetData>${row(table.columns)}`,
  ];
  for (let at = 0; at < table.rows.length; at += kRowsAPiece) {
    pieces.push(
      table.rows
        .slice(at, at + kRowsAPiece)
        .map(row)
        .join(''),
    );
  }
  pieces.push('</sheetData></worksheet>');
  return new Blob(pieces);
}

// REQUIRES: at most kMostSheetRows - 1 rows.
export function xlsx(table: Table): Promise<Blob> {
  // What a sheet's name may not hold, its length, and how it may not begin or end.
  const plain = table.title.replace(/[[\]:*?/\\]/g, ' ').slice(0, 31);
  const name = escaped(plain.replace(/^['\s]+|['\s]+$/g, '')) || 'Freshet';
  const relations = (target: string, type: string) =>
    `${kHead}<Relationships xmlns="${kPackage}/relationships">` +
    `<Relationship Id="r1" Type="${kOffice}/${type}" Target="${target}"/></Relationships>`;
  const part = (path: string, type: string) =>
    `<Override PartName="${path}" ContentType="${kSheetType}.${type}+xml"/>`;
  const files: [string, string | Blob][] = [
    [
      '[Content_Types].xml',
      `${kHead}<Types xmlns="${kPackage}/content-types"><Default Extension="rels" ` +
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
        part('/xl/workbook.xml', 'sheet.main') +
        `${part('/xl/sheet1.xml', 'worksheet')}</Types>`,
    ],
    ['_rels/.rels', relations('xl/workbook.xml', 'officeDocument')],
    ['xl/_rels/workbook.xml.rels', relations('sheet1.xml', 'worksheet')],
    [
      'xl/workbook.xml',
      `${kHead}<workbook xmlns="${kMain}" xmlns:r="${kOffice}"><sheets>` +
        `<sheet name="${name}" sheetId="1" r:id="r1"/></sheets></workbook>`,
    ],
    ['xl/sheet1.xml', sheet(table)],
  ];
  return zip(
    files.map(([path, content]) => [path, new Blob([content])]),
    `${kSheetType}.sheet`,
  );
}
