// A page of 20 tiles under live updates: what it keeps in memory at the start and
// the end, time of the main thread an update. Half a minute in the suite;
// MINUTES=60 for the long run, which says where it stands every ten.
import { ask, base, check, openPage, pause, settled, tileText, until } from './harness.mjs';

const kMinutes = Number(process.env.MINUTES ?? 0.5);
const kWarmUp = Math.min(180_000, kMinutes * 60_000);
const kLong = kMinutes >= 5;
const kMostGrowth = 0.02;
// A short run still warms up, and shares its machine with the rest of the suite.
const kMostMs = kLong ? 8 : 40; // of script, an update
const kIdle = kLong ? 30_000 : 3000;
// Collecting garbage by force throws code away, too: what follows is slower.
const kEvery = 600_000;

const tiles = () => [
  ...['net_sales', 'transactions', 'average_basket', 'gross_margin', 'web_orders', 'discount_rate',
      'units_per_receipt', 'return_rate', 'promotion_share', 'net_sales', 'transactions', 'gross_margin']
    .map((kpi) => ({ kpi, show: 'tile' })),
  { kpi: 'net_sales', show: 'line', grain: 'hour', size: '3x2' },
  { kpi: 'gross_margin', show: 'line', grain: 'hour', size: '3x2' },
  ...['store', 'category', 'channel'].map((by) => ({ kpi: 'net_sales', show: 'bars', by, size: '2x2' })),
  { kpi: 'gross_margin', show: 'table', by: 'category', size: '2x2' },
  { kpi: 'net_sales', show: 'heatmap', size: '3x2' },
  { kpi: 'net_sales', show: 'table', by: 'store', top: 20, size: '2x2' },
]; // prettier-ignore

// Bytes of what the page made: objects, arrays, closures, texts, numbers. Not the
// code that the engine goes on compiling for an hour as it gets hot: nine tenths
// of what a heap grows by, and where a leak of some bytes an update would hide.
const kOwn = /^(object|array|closure|regexp|number|bigint|symbol|.*string)$/;
async function keeps(devtools) {
  const parts = [];
  const take = ({ chunk }) => parts.push(chunk);
  devtools.on('HeapProfiler.addHeapSnapshotChunk', take);
  await devtools.send('HeapProfiler.takeHeapSnapshot');
  devtools.off('HeapProfiler.addHeapSnapshotChunk', take);
  const { snapshot, nodes } = JSON.parse(parts.join(''));
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [kind, size] = ['type', 'self_size'].map((name) => fields.indexOf(name));
  let bytes = 0;
  for (let at = 0; at < nodes.length; at += fields.length) {
    if (kOwn.test(types[kind][nodes[at + kind]])) bytes += nodes[at + size];
  }
  return bytes;
}

let sold = 0;
const sellOne = () =>
  ask('POST', '/ingest/sales', {
    txn_id: `live-${Date.now()}-${(sold += 1)}`,
    line: 1,
    ts: new Date().toISOString(),
    store: 'S001',
    region: 'Madrid',
    register: 'S001-R00',
    sku: 'A10001',
    category: 'Drinks',
    qty: 1,
    price: 2,
    discount: 0,
    cost: 1,
    currency: 'EUR',
    channel: 'store',
  });

async function measured(browser) {
  // A day up to now is as long in an hour: what grows is not the data.
  const page20 = { dashboard: 'live_check', title: '20 tiles', default: { range: '-24h', compare: 'previous', tz: 'Europe/Madrid' }, tiles: tiles() };
  await ask('PUT', '/api/v1/dashboards/live_check', page20);
  const { page, context, faults } = await openPage(browser);
  const devtools = await context.newCDPSession(page);
  // Time of the processor: a busy machine is no slow page.
  await devtools.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' });
  await devtools.send('Performance.enable');
  await devtools.send('Network.enable');
  let updates = 0;
  devtools.on('Network.eventSourceMessageReceived', () => (updates += 1));
  const metrics = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  // The least of some: a message may be under way.
  const heap = async () => {
    const seen = [];
    for (let i = 0; i < 5; i += 1) {
      await devtools.send('HeapProfiler.collectGarbage');
      seen.push((await metrics()).JSHeapUsedSize);
      await pause(200);
    }
    return Math.min(...seen);
  };
  let sales = 0;
  try {
    await page.goto(`${base}/d/live_check`);
    await settled(page);
    await pause(kWarmUp);
    // The clock and the status of data sets go on without updates: what they take
    // is no part of one, and most of it where one comes every few seconds.
    await page.getByRole('button', { name: 'Pause updates' }).click();
    const { ScriptDuration: still } = await metrics();
    await pause(kIdle);
    const idle = ((await metrics()).ScriptDuration - still) / kIdle; // s of each ms
    await page.getByRole('button', { name: 'Resume updates' }).click();
    await page.locator('.badge[data-state="live"]').waitFor();
    const mb = (bytes) => (bytes / 1e6).toFixed(2);
    const state = async () => ({ heap: await heap(), ...(await metrics()), updates, at: Date.now() });
    // At night a shop sells little: an article a second, so that there are updates.
    sales = setInterval(() => void sellOne().catch(() => {}), 1000);
    const keptBefore = await keeps(devtools);
    const before = await state();
    const script = (now) =>
      ((now.ScriptDuration - before.ScriptDuration - idle * (now.at - before.at)) * 1000) / (now.updates - before.updates);
    const say = (now) => {
      const n = now.updates - before.updates;
      const ms = (name) => (((now[name] - before[name]) * 1000) / n).toFixed(2);
      return `${n} updates; an update: script ${script(now).toFixed(2)} ms, with clock and status ${ms('ScriptDuration')} ms, ` +
        `main thread ${ms('TaskDuration')} ms; heap ${mb(before.heap)} to ${mb(now.heap)} MB, ` +
        `nodes ${before.Nodes} to ${now.Nodes}, listeners ${before.JSEventListeners} to ${now.JSEventListeners}`;
    };
    const end = Date.now() + kMinutes * 60_000;
    while (Date.now() < end) {
      await pause(Math.min(kEvery, end - Date.now()));
      if (kLong && Date.now() < end) console.log(`    ${say(await state())}`);
    }
    const now = await state();
    const n = now.updates - before.updates;
    const after = await keeps(devtools);
    const words = `${say(now)}, of these the page's own ${mb(keptBefore)} to ${mb(after)} MB`;
    console.log(`    ${words}`);
    check(n >= kMinutes * 12, 'updates keep coming', String(n));
    check(after < keptBefore * (1 + kMostGrowth), `what the page keeps does not grow by ${kMostGrowth * 100} %`, words);
    check(script(now) < kMostMs, `less than ${kMostMs} ms of script an update`, words);
    check(now.Nodes < before.Nodes * 1.2, 'no elements pile up', words);
    check(faults.length === 0, 'no fault on the way', faults.join('; '));
  } finally {
    clearInterval(sales);
    await context.close();
    await ask('DELETE', '/api/v1/dashboards/live_check');
  }
}

// Tiles of a newer model wait for its definition, which is asked for until it
// comes.
async function turnedTiles(browser) {
  const turn = (...kpis) =>
    ask('PUT', '/api/v1/dashboards/turned', {
      dashboard: 'turned',
      title: 'Turned',
      default: { range: 'yesterday', compare: 'none', tz: 'Europe/Madrid' },
      tiles: kpis.map((kpi) => ({ kpi, show: 'tile' })),
    });
  await turn('net_sales', 'transactions');
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('ERR_FAILED');
  try {
    await page.goto(`${base}/d/turned`);
    await settled(page);
    let asked = 0;
    await page.route('**/api/v1/dashboards/turned', (route) => (asked++ === 0 ? route.abort() : route.continue()));
    await turn('transactions', 'net_sales');
    await until(() => asked, (n) => n > 0);
    const text = await tileText(page, 'Net sales');
    check(text.startsWith('€'), 'a tile keeps its own number', text);
    const first = page.locator('.grid h2').first();
    const title = await until(() => first.innerText(), (words) => words === 'Receipts', 9000);
    check(title === 'Receipts', 'the new definition is asked for again', title);
    check(faults.length === 0, 'no fault on the way', faults.join('; '));
  } finally {
    await context.close();
    await ask('DELETE', '/api/v1/dashboards/turned');
  }
}

// Time alone makes no chart anew.
async function minutesGoBy(browser) {
  const { page, context, faults } = await openPage(browser);
  await context.clock.install();
  await page.addInitScript(() => {
    window.canvases = 0;
    const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (...kind) {
      window.canvases += 1;
      return get.apply(this, kind);
    };
  });
  await page.goto(`${base}/d/trading`);
  await settled(page);
  const made = () => page.evaluate(() => window.canvases);
  const before = await until(made, (n) => n > 0);
  await context.clock.runFor(60_000);
  await pause(300);
  const after = await made();
  check(before > 0 && after === before, 'a chart stays while minutes go by', `${before} then ${after}`);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const live = [
  ['20 tiles under live updates', measured],
  ['tiles of a newer model', turnedTiles],
  ['minutes go by', minutesGoBy],
];
