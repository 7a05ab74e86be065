// A page of 20 tiles under live updates: memory after forced collections at the
// start and the end, main-thread time an update. Half a minute in the suite;
// MINUTES=60 for the long run, which says where it stands every minute.
import { ask, base, check, openPage, pause, settled, tileText, until } from './harness.mjs';

const kMinutes = Number(process.env.MINUTES ?? 0.5);
const kWarmUp = Math.min(180_000, kMinutes * 60_000);
// A short run still warms up, and shares its machine with the rest of the suite.
const kLong = kMinutes >= 5;
const kMostGrowth = kLong ? 0.05 : 0.15;
const kMostMs = kLong ? 8 : 40; // of script, an update

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

async function measured(browser) {
  const page20 = { dashboard: 'live_check', title: '20 tiles', default: { range: 'today', compare: 'same_day_last_week', tz: 'Europe/Madrid' }, tiles: tiles() };
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
  try {
    await page.goto(`${base}/d/live_check`);
    await settled(page);
    await pause(kWarmUp);
    const before = { heap: await heap(), ...(await metrics()), updates };
    const say = (now, heapNow) => {
      const n = now.updates - before.updates;
      const ms = (name) => (((now[name] - before[name]) * 1000) / n).toFixed(2);
      return `${n} updates; an update: script ${ms('ScriptDuration')} ms, main thread ${ms('TaskDuration')} ms; ` +
        `heap ${(before.heap / 1e6).toFixed(2)} to ${(heapNow / 1e6).toFixed(2)} MB, ` +
        `nodes ${before.Nodes} to ${now.Nodes}, listeners ${before.JSEventListeners} to ${now.JSEventListeners}`;
    };
    const end = Date.now() + kMinutes * 60_000;
    while (Date.now() < end) {
      await pause(Math.min(60_000, end - Date.now()));
      if (kMinutes > 1) console.log(`    ${say({ ...(await metrics()), updates }, await heap())}`);
    }
    const now = { ...(await metrics()), updates };
    const after = await heap();
    const n = now.updates - before.updates;
    const words = say(now, after);
    console.log(`    ${words}`);
    check(n >= kMinutes * 12, 'updates keep coming', String(n));
    check(after < before.heap * (1 + kMostGrowth), `the heap does not grow by ${kMostGrowth * 100} %`, words);
    check(((now.ScriptDuration - before.ScriptDuration) * 1000) / n < kMostMs, `less than ${kMostMs} ms of script an update`, words);
    check(now.Nodes < before.Nodes * 1.2, 'no elements pile up', words);
    check(faults.length === 0, 'no fault on the way', faults.join('; '));
  } finally {
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

export const live = [
  ['20 tiles under live updates', measured],
  ['tiles of a newer model', turnedTiles],
];
