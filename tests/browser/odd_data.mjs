// Events whose names and numbers are as odd as real ones can be.
import { ask } from './harness.mjs';

export const kNames = [
  '<img src=x onerror="window.hacked=1">',
  "'; DROP TABLE odd; --",
  'x'.repeat(500),
  `long words ${'and more '.repeat(60)}`,
  '👩‍👩‍👧‍👦 emoji 🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  'متجر الرياض المركزي',
  '\u202Eright to left override',
  'line\nbreak\tand tab',
  'a,b;c:!d\\e%41',
  'null',
  'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!',
  '0',
  'true',
  '=HYPERLINK("http://localhost/","click")',
  '_x0041_ is not A',
];
export const kCustomers = 10_000;
export const kPlaces = ['Madrid <b>', 'Cádiz 🐟', 'حلب', 'nowhere on the map'];

const kBatch = 5000;

// All lie in this minute, so that they are of today wherever it is asked.
export async function fill() {
  const ts = new Date().toISOString();
  const events = kNames.map((name, i) => ({
    ts,
    name,
    customer: 'c',
    place: kPlaces[i % kPlaces.length],
    amount: i === 2 ? 999999999999.99 : (i + 1) * 1.01,
    size: i % 2 === 0 ? 1e300 : 1e-300,
  }));
  events.push({ ts, name: null, customer: null, place: null, amount: -0.01, size: null });
  for (let i = 0; i < kCustomers; i += 1) {
    events.push({ ts, customer: `customer-${String(i).padStart(5, '0')}`, amount: 0.01 });
  }
  for (let at = 0; at < events.length; at += kBatch) {
    await ask('POST', '/ingest/odd', events.slice(at, at + kBatch));
  }
}
