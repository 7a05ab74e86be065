// A ZIP archive of a few files, deflated by the browser. Format: APPNOTE.TXT
// 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end).
const kTable = new Uint32Array(256).map((_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c >>> 0;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (kTable[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes])
    .stream()
    .pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Little-endian fields, as [value, bytes].
function head(fields: [number, number][]): Uint8Array<ArrayBuffer> {
  const size = fields.reduce((sum, [, bytes]) => sum + bytes, 0);
  const out = new DataView(new ArrayBuffer(size));
  let at = 0;
  for (const [value, bytes] of fields) {
    if (bytes === 4) out.setUint32(at, value, true);
    else out.setUint16(at, value, true);
    at += bytes;
  }
  return new Uint8Array(out.buffer);
}

const kDate = 0x21; // 1 January 1980: the same table gives the same bytes

export async function zip(files: [string, Blob][], type: string): Promise<Blob> {
  const parts: BlobPart[] = [];
  const directory: BlobPart[] = [];
  let offset = 0;
  let directorySize = 0;
  for (const [name, blob] of files) {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const packed = await deflate(bytes);
    const path = new TextEncoder().encode(name);
    const common: [number, number][] = [
      [20, 2], [0x800, 2], [8, 2], [0, 2], [kDate, 2], [crc32(bytes), 4],
      [packed.length, 4], [bytes.length, 4], [path.length, 2], [0, 2],
    ]; // prettier-ignore
    const local = head([[0x04034b50, 4], ...common]);
    parts.push(local, path, packed);
    const central = head([
      [0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4],
    ]); // prettier-ignore
    directory.push(central, path);
    directorySize += central.length + path.length;
    offset += local.length + path.length + packed.length;
  }
  const end = head([
    [0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2],
    [directorySize, 4], [offset, 4], [0, 2],
  ]); // prettier-ignore
  return new Blob([...parts, ...directory, end], { type });
}
