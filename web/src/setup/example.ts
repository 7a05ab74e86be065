// Made-up receipts of the last hours, to try the set-up without data at hand.
const kStores = ['Madrid Centro', 'Sevilla', 'Valencia'];
const kGoods: [string, number][] = [
  ['Bread', 2.4],
  ['Coffee', 7.95],
  ['Olive oil', 11.5],
  ['Oranges', 3.2],
];
const kLines = 60;
const kEvery = 2 * 60_000;

export function example(): string {
  const now = Date.now();
  const lines = Array.from({ length: kLines }, (_, i) => {
    const [product, price] = kGoods[(i * 7) % kGoods.length] ?? ['Bread', 2.4];
    const qty = 1 + ((i * 5) % 3);
    return JSON.stringify({
      ts: new Date(now - (kLines - i) * kEvery).toISOString(),
      receipt_id: `R${1000 + Math.floor(i / 2)}`,
      store: kStores[(i * 3 + Math.floor(i / 4)) % kStores.length],
      product,
      qty,
      net: Number((qty * price).toFixed(2)),
    });
  });
  return lines.join('\n');
}
