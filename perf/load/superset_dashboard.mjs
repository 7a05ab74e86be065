// The same 20 tiles in Superset over a Freshet server and on Freshet's own page: milliseconds from navigation until
// all of them show their numbers, bytes, requests, the page's memory. In turns, each in a new browser with nothing
// cached ("cold"), then once more in it ("again").
//
//   SUPERSET_URL=http://127.0.0.1:8088 FRESHET_URL=http://127.0.0.1:8080 node perf/load/superset_dashboard.mjs
//
// Needs both running: Superset (seen with 6.1.0) with pydruid, SUPERSET_USER and SUPERSET_PASSWORD (admin, admin) of
// an administrator and the feature flag DASHBOARD_VIRTUALIZATION off, so that it draws all tiles at once; `freshet
// demo`; Chromium and `npm ci` in tests/browser. Adds a database and a dataset `sales`, if it has none of that name, 20
// charts and a dashboard to the one, a dashboard to the other. RUNS (5).
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../../tests/browser/', import.meta.url))('playwright-core');
const env = (name, otherwise) => process.env[name] ?? otherwise;
const superset = env('SUPERSET_URL', 'http://127.0.0.1:8088');
const freshet = env('FRESHET_URL', 'http://127.0.0.1:8080');
const kRuns = Number(env('RUNS', 5));
const kName = `freshet_${Date.now()}`;
const kView = { viewport: { width: 1600, height: 3000 } };

const kFormulas = {
  net_sales: 'SUM(net)',
  transactions: 'COUNT(DISTINCT txn_id)',
  average_basket: 'SUM(net) / COUNT(DISTINCT txn_id)',
  gross_margin: '(SUM(net) - SUM(cost)) / SUM(net)',
  discount_rate: 'SUM(discount) / (SUM(net) + SUM(discount))',
  units_per_receipt: 'SUM(qty) / COUNT(DISTINCT txn_id)',
  promotion_share: 'SUM(net) FILTER (WHERE promotion IS NOT NULL) / SUM(net)',
};
const kTiles = [
  ...[...Object.keys(kFormulas), 'net_sales', 'transactions', 'gross_margin', 'average_basket', 'discount_rate']
    .map((kpi) => ({ kpi, show: 'tile' })),
  ...['net_sales', 'gross_margin'].map((kpi) => ({ kpi, show: 'line', grain: 'hour', size: '3x2' })),
  ...['store', 'category', 'channel'].map((by) => ({ kpi: 'net_sales', show: 'bars', by, top: 10, size: '2x2' })),
  { kpi: 'gross_margin', show: 'table', by: 'category', top: 20, size: '2x2' },
  { kpi: 'net_sales', show: 'table', by: 'store', top: 20, size: '2x2' },
  { kpi: 'net_sales', show: 'heatmap', size: '3x2' },
]; // prettier-ignore

const day = (from_now) => new Date(Date.now() + from_now * 86_400_000).toISOString().slice(0, 10);
const kLast7Days = `${day(-6)} : ${day(1)}`;

// A tile as the parameters of a Superset chart.
function chart({ kpi, show, by, top = 100 }) {
  const metric = { expressionType: 'SQL', sqlExpression: kFormulas[kpi], label: kpi, optionName: kpi };
  const adhoc_filters = [
    { expressionType: 'SIMPLE', clause: 'WHERE', subject: '__time', operator: 'TEMPORAL_RANGE', comparator: kLast7Days },
  ];
  const part = (unit) => ({ expressionType: 'SQL', label: unit, sqlExpression: `TIME_EXTRACT(__time, '${unit}')` });
  const common = { metric, metrics: [metric], adhoc_filters, row_limit: top, order_desc: true };
  const line = { x_axis: '__time', time_grain_sqla: 'PT1H', row_limit: 10_000 };
  return { ...common, ...{
    tile: { viz_type: 'big_number_total' },
    line: { viz_type: 'echarts_timeseries_line', ...line },
    bars: { viz_type: 'echarts_timeseries_bar', x_axis: by, orientation: 'horizontal', x_axis_sort: kpi },
    table: { viz_type: 'table', query_mode: 'aggregate', groupby: [by] },
    heatmap: { viz_type: 'heatmap_v2', x_axis: part('HOUR'), groupby: part('DOW'), normalize_across: 'heatmap' },
  }[show] }; // prettier-ignore
}

// Four charts a row.
function layout(ids) {
  const parents = ['ROOT_ID', 'GRID_ID'];
  const rows = ids.map((_, i) => `ROW-${i}`).filter((_, i) => i % 4 === 0);
  const position = {
    DASHBOARD_VERSION_KEY: 'v2',
    ROOT_ID: { type: 'ROOT', id: 'ROOT_ID', children: ['GRID_ID'] },
    GRID_ID: { type: 'GRID', id: 'GRID_ID', children: rows, parents: ['ROOT_ID'] },
  };
  rows.forEach((row, i) => {
    const charts = ids.slice(i * 4, i * 4 + 4);
    const children = charts.map((id) => `CHART-${id}`);
    position[row] = { type: 'ROW', id: row, children, parents, meta: { background: 'BACKGROUND_TRANSPARENT' } };
    for (const chartId of charts) {
      const id = `CHART-${chartId}`;
      position[id] = { type: 'CHART', id, children: [], parents: [...parents, row], meta: { chartId, width: 3, height: 30 } };
    }
  });
  return position;
}

const launch = () => chromium.launch({ executablePath: env('CHROMIUM', '/usr/bin/chromium'), args: ['--no-sandbox'] });

// Signs in, makes the dashboard; gives the state of the signed-in browser.
async function makeSupersetDashboard() {
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto(`${superset}/login/`);
  await page.fill('input[name=username], #username', env('SUPERSET_USER', 'admin'));
  await page.fill('input[name=password], #password', env('SUPERSET_PASSWORD', 'admin'));
  await page.click('button[type=submit], input[type=submit]');
  await page.waitForURL((url) => !url.pathname.includes('login'));
  const token = await (await page.request.get(`${superset}/api/v1/security/csrf_token/`)).json();
  const headers = { 'X-CSRFToken': token.result, Referer: superset };
  const send = async (method, path, data) => {
    const answer = await page.request.fetch(`${superset}/api/v1/${path}`, { method, headers, data });
    if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
    return (await answer.json()).id;
  };
  const sought = `${superset}/api/v1/dataset/?q=(filters:!((col:table_name,opr:eq,value:sales)))`;
  let dataset = (await (await page.request.get(sought)).json()).result[0]?.id;
  if (!dataset) {
    const sqlalchemy_uri = `druid://${new URL(freshet).host}/druid/v2/sql`;
    const database = await send('POST', 'database/', { database_name: kName, sqlalchemy_uri });
    dataset = await send('POST', 'dataset/', { database, schema: 'druid', table_name: 'sales' });
  }
  const dashboard = await send('POST', 'dashboard/', { dashboard_title: kName, slug: kName });
  const charts = [];
  for (const [i, tile] of kTiles.entries()) {
    const params = chart(tile);
    charts.push(await send('POST', 'chart/', {
      slice_name: `${i} ${tile.kpi}`, viz_type: params.viz_type, params: JSON.stringify(params),
      datasource_id: dataset, datasource_type: 'table', dashboards: [dashboard],
    })); // prettier-ignore
  }
  const positions = layout(charts);
  const json_metadata = JSON.stringify({ positions });
  await send('PUT', `dashboard/${dashboard}`, { position_json: JSON.stringify(positions), json_metadata });
  const state = await page.context().storageState();
  await browser.close();
  return state;
}

async function makeFreshetDashboard() {
  const given = { range: 'last_7d', compare: 'none', tz: 'UTC' };
  const body = JSON.stringify({ dashboard: kName, title: '20 tiles', default: given, tiles: kTiles });
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${freshet}/api/v1/dashboards/${kName}`, { method: 'PUT', headers, body });
  if (!answer.ok) throw new Error(`PUT dashboard: ${answer.status} ${await answer.text()}`);
}

// In the page: whether each of the tiles is drawn and none is loading.
const drawn = ([tile, loading, count]) => {
  const tiles = [...document.querySelectorAll(tile)];
  const shows = (e) => e.querySelector('canvas, tbody tr') || /\d/.test(e.textContent);
  return tiles.length === count && tiles.every(shows) && !document.querySelector(loading);
};

async function open(browser, { url, tile, loading, state }, results) {
  const context = await browser.newContext({ ...kView, storageState: state });
  const visit = async (name) => {
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    const seen = { ms: 0, requests: 0, kB: 0 };
    await devtools.send('Network.enable');
    await devtools.send('Performance.enable');
    devtools.on('Network.requestWillBeSent', () => (seen.requests += 1));
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => (seen.kB += encodedDataLength / 1000));
    const start = Date.now();
    await page.goto(url, { waitUntil: 'commit' });
    await page.waitForFunction(drawn, [tile, loading, kTiles.length], { polling: 50, timeout: 120_000 });
    seen.ms = Date.now() - start;
    await page.waitForTimeout(1500); // what it still fetches
    await devtools.send('HeapProfiler.collectGarbage');
    const { metrics } = await devtools.send('Performance.getMetrics');
    seen.heapMB = metrics.find((m) => m.name === 'JSHeapUsedSize').value / 1e6;
    (results[name] ??= []).push(seen);
    await page.close();
  };
  await visit('cold');
  await visit('again');
  await context.close();
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const state = await makeSupersetDashboard();
await makeFreshetDashboard();
const sides = {
  Superset: {
    url: `${superset}/superset/dashboard/${kName}/`,
    tile: '.dashboard-component-chart-holder .slice_container',
    loading: '.loading, [data-test="loading-indicator"]',
    state,
  },
  Freshet: { url: `${freshet}/d/${kName}`, tile: 'article.card', loading: 'article[aria-busy=true]' },
};
const results = { Superset: {}, Freshet: {} };
for (let i = 0; i < kRuns; i += 1) {
  for (const [name, side] of Object.entries(sides)) {
    const browser = await launch();
    await open(browser, side, results[name]);
    await browser.close();
  }
}
for (const [name, visits] of Object.entries(results)) {
  for (const [visit, runs] of Object.entries(visits)) {
    const of = (key) => median(runs.map((r) => r[key]));
    console.log(`${name}, ${visit}: ${of('ms')} ms, ${of('requests')} requests, ${of('kB').toFixed(0)} kB, heap ${of('heapMB').toFixed(1)} MB`);
  }
}
