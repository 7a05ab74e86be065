// What the page makes of answers that the demo has no reason to give: they are
// played, or held back for a while.
import { readFileSync } from 'node:fs';
import { ask, base, check, openPage, pause, screenshot, settled, tile, until } from './harness.mjs';
import { play } from './switch_scenarios.mjs';

const kDay = { from: '2026-11-28T00:00:00+01:00', to: '2026-11-29T00:00:00+01:00' };
const kOrders = { kpi: 'orders', unit: 'count', range: kDay, tz: 'Europe/Madrid' };

// A dashboard whose tiles have these answers, in order.
async function playDashboard(page, tiles, answers) {
  const dashboard = {
    dashboard: 'played', title: 'Played', filters: ['store'],
    default: { range: 'yesterday', compare: 'previous', tz: 'Europe/Madrid' },
    tiles: tiles.map((one) => ({ kpi: 'orders', size: '2x2', good: 'up', unit: 'count', ...one })),
  };
  await play(page, '/api/v1/dashboards/played', () => dashboard);
  const data = { tiles: { ...answers }, freshness: { as_of: new Date().toISOString(), lag_ms: 0, complete: true } };
  await page.route('**/api/v1/stream?*', (route) =>
    route.fulfill({ contentType: 'text/event-stream', body: `retry: 60000\nid: 1-1\nevent: snapshot\ndata: ${JSON.stringify(data)}\n\n` }));
  await page.goto(`${base}/d/played`);
  await settled(page);
}

// Each answer to a question that `held` holds for waits until the release.
async function hold(page, held) {
  let release;
  const gate = new Promise((done) => (release = done));
  await page.route('**/api/v1/kpis/query', async (route) => {
    if (route.request().postDataJSON().queries.some(held)) await gate;
    await route.fallback();
  });
  return release;
}

async function takenName(browser) {
  const { page, context, faults } = await openPage(browser);
  const [{ dashboard }] = (await ask('GET', '/api/v1/dashboards')).dashboards;
  const { datasets } = await ask('GET', '/api/v1/datasets');
  check(!datasets.some((set) => set.dataset === dashboard), 'a dashboard has a name that no data have', dashboard);
  await page.goto(`${base}/data?show=connect`);
  await page.getByLabel('Short name of the data').fill(dashboard);
  await page.getByRole('button', { name: 'Fill in an example' }).click();
  await page.getByRole('button', { name: 'Look at the events' }).click();
  const said = page.getByRole('alert').or(page.getByRole('heading', { name: 'What is in them?' }));
  await said.waitFor();
  check(/or dashboard .* already/.test(await said.innerText()), 'the set-up takes no dashboard’s name', await said.innerText());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Shares below 0, targets that are nearly reached, and what is due by now.
async function partsAndTargets(browser) {
  const { page, context, faults } = await openPage(browser, { viewport: { width: 1440, height: 1200 } });
  const rows = [['A', 900, 800], ['B', 29, 30], ['C', -500, 0]].map(([store, value, compare]) => ({ store, value, compare }));
  const aimed = [['D', 996, 0.996], ['E', 580, 0.58], ['F', 300, 0.3]].map(([store, value, attained]) => ({ store, value, target: { value: 1000, attained } }));
  const target = (value, attained, expected_by_now) => ({ value, attained, expected_by_now, on_pace: true });
  await playDashboard(
    page,
    [
      { title: 'Few orders', show: 'tile' },
      { title: 'Nearly', show: 'tile' },
      { title: 'Refunds', show: 'bars', by: 'store' },
      { title: 'Aims', show: 'bars', by: 'store' },
    ],
    [
      { ...kOrders, value: 29, target: target(100, 0.29, 20) },
      { ...kOrders, value: 998, target: target(1000, 0.998, 900) },
      { ...kOrders, value: 429, rows, compare: { kind: 'previous', value: 830, change: -401, change_ratio: -0.48 } },
      { ...kOrders, value: 1876, rows: aimed, target: target(3000, 0.62, 1650) },
    ],
  );
  const text = (title) => tile(page, title).innerText();
  check(/29% of target 100/.test(await text('Few orders')), '29 of 100 are 29%', await text('Few orders'));
  check(/99% of target/.test(await text('Nearly')), '99.8% is not the whole of it', await text('Nearly'));
  const shares = await tile(page, 'Refunds').locator('.share').allInnerTexts();
  check(shares.map((share) => share.trim()).join() === '210%,7%,-117%', 'a share may be below 0', shares.join());
  const snapshot = await tile(page, 'Refunds').locator('ul').ariaSnapshot();
  check(/A 900 210% \+ 13%/.test(snapshot) && /B 29 7% − 3%/.test(snapshot), 'up and down are said', snapshot);
  const cells = tile(page, 'Aims').locator('.share');
  const said = (await cells.allInnerTexts()).map((one) => one.trim());
  check(said.join() === '99% of target,58% of target,30% of target', 'nor is 99.6% of a store’s', said.join());
  const red = await cells.evaluateAll((all) => all.map((one) => one.classList.contains('bad')));
  check(red.join() === 'false,false,true', 'who is ahead of what is due is not behind', red.join());
  await screenshot(page, 'parts-and-targets');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// A number is never under the name of another.
async function lateAnswers(browser) {
  const { page, context, faults } = await openPage(browser);
  const kpi = page.getByRole('combobox', { name: 'KPI', exact: true });
  const value = page.locator('.answer .value');
  const at = (show) => page.goto(`${base}/explore/sales?kpi=net_sales&range=yesterday&show=${show}`);
  await at('boards');
  await value.waitFor();
  await page.locator('.boards li').first().waitFor();
  let release = await hold(page, (question) => question.kpi === 'transactions');
  await kpi.selectOption('transactions');
  await page.waitForURL(/kpi=transactions/);
  await pause(300);
  const old = (await value.count()) + (await page.locator('.boards li').count());
  check(old === 0, 'no number of the KPI before stands under the name of the next', String(old));
  release();
  await page.locator('.boards li').first().waitFor();
  check(!/€/.test(await value.innerText()), 'then comes its own', await value.innerText());

  await at('table&by=store');
  await page.locator('tr.item').first().waitFor();
  release = await hold(page, (question) => question.by === 'region');
  await page.getByRole('combobox', { name: 'By', exact: true }).selectOption('region');
  await pause(300);
  const unnamed = await page.locator('tr.item', { hasText: '(no value)' }).count();
  check(unnamed === 0, 'no row of a dimension stands in the list of another', String(unnamed));
  release();
  await page.locator('tr.item', { hasText: 'Madrid' }).waitFor();

  await at('pivot&by=store&column=channel');
  await page.locator('tr.item').first().waitFor();
  release = await hold(page, (question) => String(question.by).includes('category'));
  const columns = page.getByLabel('Columns');
  await columns.focus();
  await columns.selectOption('category');
  await page.waitForURL(/column=category/);
  await pause(300);
  check((await page.locator('tr.item').count()) === 0, 'nor do columns have other heads');
  check((await page.getByRole('button', { name: 'CSV' }).count()) === 0, 'nothing is exported before it is there');
  check(await columns.evaluate((field) => field === document.activeElement), 'the choice keeps the focus');
  release();
  await page.locator('tr.item').first().waitFor();
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function lostOnce(browser) {
  const { page, context, faults, expected } = await openPage(browser, { viewport: { width: 1920, height: 4000 } });
  expected.push('ERR_FAILED');
  const [first, second] = (await ask('GET', '/api/v1/dashboards')).dashboards.map((one) => one.dashboard);
  let lost = 0;
  await page.route(`**/api/v1/dashboards/${second}`, (route) => {
    lost += 1;
    return lost === 1 ? route.abort() : route.fallback();
  });
  await page.goto(`${base}/d/${first}?wall=5`);
  await settled(page);
  await page.getByText('The server can’t be reached.').waitFor({ timeout: 20_000 });
  check(lost === 1, 'a wall loses one request', String(lost));
  await page.locator('.grid article').first().waitFor({ timeout: 12_000 }).catch(() => {});
  check((await page.locator('.grid article').count()) > 0 && page.url().includes(second), 'and shows what it asked for soon after', page.url());
  const next = await until(() => page.url(), (url) => !url.includes(`/d/${second}`), 15_000, 200);
  check(!next.includes(`/d/${second}`), 'then goes on', next);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function saved(page, press) {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return readFileSync(await download.path(), 'utf8');
}

// In the night of the change 2:00 is there twice, of the week before once.
async function exports(browser) {
  const { page, context, faults } = await openPage(browser, { acceptDownloads: true });
  const kHours = ['01:00:00+02:00', '02:00:00+02:00', '02:00:00+01:00', '03:00:00+01:00', '04:00:00+01:00'];
  const points = (first) => kHours.map((hour, i) => ({ t: `2026-10-25T${hour}`, value: first + i }));
  await page.route('**/api/v1/kpis/query', (route) => {
    const compare = { kind: 'same_day_last_week', value: 100, change: 1, change_ratio: 0.01, series: points(20).toSpliced(2, 1) };
    const answer = { ...kOrders, value: 60, grain: 'hour', series: points(10), compare };
    return route.fulfill({ json: { answers: route.request().postDataJSON().queries.map(() => answer) } });
  });
  await page.goto(`${base}/d/supply?tile=3&from=2026-10-25&to=2026-10-26&compare=same_day_last_week`);
  const dialog = page.getByRole('dialog');
  await dialog.locator('.value').waitFor();
  const rows = (await saved(page, () => dialog.getByRole('button', { name: 'CSV' }).click())).trim().split('\r\n');
  const before = rows.slice(1).map((row) => row.split(',')[2]);
  check(before.join() === '20,21,,23,24', 'an exported hour is compared with its own', rows.join(' | '));
  await page.goto(`${base}/query?sql=${encodeURIComponent("SELECT 'Cádiz' AS place")}`);
  await page.locator('tbody tr').waitFor();
  const csv = await saved(page, () => page.getByRole('button', { name: 'CSV' }).click());
  check(/^\uFEFFplace\s+"?Cádiz"?\s*$/.test(csv), 'the CSV of a query says that it is UTF-8', JSON.stringify(csv));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Places called as what every object has, and hours of distinct people.
async function mapAndHeat(browser) {
  const { page, context, faults } = await openPage(browser);
  const regions = [['Madrid', 9], ['constructor', 5], ['toString', 4]].map(([region, value]) => ({ region, value }));
  const hours = (value) => [1, 2].map((__weekday) => ({ __weekday, __hour: 10, value }));
  const month = { from: '2026-10-26T00:00:00+01:00', to: '2026-11-23T00:00:00+01:00' };
  await playDashboard(
    page,
    [
      { title: 'Where', show: 'map', by: 'region', places: { Madrid: [40.4, -3.7], Sevilla: [37.4, -6] } },
      { title: 'Members', show: 'heatmap' },
      { title: 'Receipts', show: 'heatmap' },
    ],
    [
      { ...kOrders, value: 18, rows: regions },
      { ...kOrders, range: month, value: 40, rows: hours(40) },
      { ...kOrders, range: month, value: 80, rows: hours(40) },
    ],
  );
  const map = await tile(page, 'Where').innerText();
  check(/2 more have no place/.test(map) && (await tile(page, 'Where').locator('.dot').count()) === 1, 'a place without a place is counted, whatever its name', map);
  const cell = (title, name) => tile(page, title).getByRole('gridcell', { name }).getAttribute('aria-label');
  const distinct = await cell('Members', /^Monday, 10:00/);
  check(distinct === 'Monday, 10:00: 40', 'distinct people are not divided by weeks', distinct);
  const amount = await cell('Receipts', /^Monday, 10:00/);
  check(amount === 'Monday, 10:00: 10 on average of 4 (40 in all)', 'amounts are', amount);
  const none = await cell('Receipts', /^Monday, 11:00/);
  check(none === 'Monday, 11:00: —', 'an hour without a value has no average', none);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function rules(browser) {
  const { page, context, faults } = await openPage(browser);
  const { alerts } = await ask('GET', '/api/v1/alerts');
  const [first] = alerts.filter((rule) => !rule.by?.length);
  Object.assign(first, { filter: 'store:S001', severity: 'error', state: 'ok', instances: [] });
  await play(page, '/api/v1/alerts', () => ({ alerts: [first] }));
  const history = [];
  await play(page, `/api/v1/alerts/${first.alert}/history`, () => ({ history }));
  const questions = await play(page, '/api/v1/kpis/query', () => undefined);
  await page.goto(`${base}/alerts`);
  const rule = page.locator('article');
  await rule.first().waitFor();
  check(/store:S001/.test(await rule.innerText()), 'a rule says what it is filtered by', await rule.innerText());
  check(/Error/.test(await rule.innerText()), 'and how severe it is');
  await rule.getByRole('button', { name: 'Set threshold' }).click();
  await rule.getByText(/w(as|ere) beyond this limit/).waitFor();
  check(questions.every(({ body }) => body.queries.every(({ filter }) => filter === 'store:S001')), 'its past is asked for with the filter', JSON.stringify(questions));
  check((await rule.getByLabel('Severity').inputValue()) === 'error', 'its severity can be chosen');
  await page.getByRole('tab', { name: 'History' }).click();
  await page.getByText('Nothing has fired yet.').waitFor();
  const since = new Date().toISOString();
  history.push({ t: since, labels: {}, from: 'ok', to: 'firing', value: 1 });
  Object.assign(first, { state: 'firing', instances: [{ labels: {}, state: 'firing', value: 1, since }] });
  await page.locator('tr.item').waitFor({ timeout: 8000 }).catch(() => {});
  check((await page.locator('tr.item').count()) === 1, 'what fires joins the open history');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// The bar's own words, its fields and its steps are of the same days.
async function timeBar(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?from=2026-11-29T02:00:00Z&to=2026-11-29T06:00:00Z&tz=America/Los_Angeles`);
  await settled(page);
  await page.getByRole('button', { name: /^Time range and comparison: 2026-11-28 18:00 to 2026-11-28 22:00/ }).click();
  const days = [await page.getByLabel('First day').inputValue(), await page.getByLabel('Last day').inputValue()];
  check(days.join() === '2026-11-28,2026-11-28', 'the days are those of the zone', days.join());
  // Nine in the morning of a month's first day.
  await page.clock.setFixedTime('2026-12-01T09:00:00+01:00');
  await playDashboard(page, [{ title: 'All', show: 'tile' }], [
    { ...kOrders, value: 1, range: { from: '2026-12-01T00:00:00+01:00', to: '2026-12-01T09:00:00+01:00' } },
  ]);
  await page.goto(`${base}/d/played?range=mtd`);
  await settled(page);
  await page.getByRole('button', { name: 'Earlier' }).click();
  await page.waitForURL(/from=/);
  const { searchParams } = new URL(page.url());
  check(`${searchParams.get('from')} ${searchParams.get('to')}` === '2026-11-01 2026-12-01', 'before a young month lies the whole one before', page.url());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function searchedValues(browser) {
  const { page, context, faults } = await openPage(browser, { viewport: { width: 1024, height: 800 } });
  // The first tile's KPI is made of others, and has no rows.
  await page.route('**/api/v1/kpis', async (route) => {
    const reply = await route.fetch();
    const { kpis } = await reply.json();
    return route.fulfill({ json: { kpis: kpis.map((one) => (one.kpi === 'net_sales' ? { ...one, dataset: undefined } : one)) } });
  });
  await page.route('**/druid/v2/sql', (route) => {
    const { parameters = [] } = route.request().postDataJSON();
    const found = /^%(g2|madrid, centro)%$/.test(parameters[0]?.value ?? '') ? [['Madrid, Centro', 7]] : [];
    return route.fulfill({ json: [['v', 'n'], ['VARCHAR', 'BIGINT'], ...found] });
  });
  await page.goto(`${base}/d/trading?range=yesterday&filter=store:!S001,S002,S003;category:!fresh;channel:!web,app&having=net_sales:above:1`);
  await settled(page);
  await page.getByRole('button', { name: '+ filter' }).click();
  const panel = page.getByRole('dialog', { name: '+ filter' });
  const inSight = async (what) => {
    const { x, width } = await panel.boundingBox();
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(x >= 0 && x + width <= 1024 && wider <= 0, `${what} is wholly in sight`, `${x} ${width} ${wider}`);
  };
  await inSight('a panel at the end of a line');
  await panel.getByRole('button', { name: 'store', exact: true }).click();
  const search = panel.getByRole('searchbox');
  const values = panel.locator('label.row');
  await values.nth(3).waitFor();
  await inSight('with its values it');
  await screenshot(page, 'filter-panel-1024');
  for (const text of ['G2', 'Madrid, Centro']) {
    await search.fill(text);
    const names = await until(() => values.allInnerTexts(), (all) => all.length === 1, 3000);
    check(names.length === 1 && names[0].includes('Madrid, Centro'), `“${text}” is searched`, names.join());
  }
  await search.fill('S002, S003');
  await panel.getByRole('button', { name: 'Use these 2 values' }).waitFor();
  check((await until(() => values.count(), (n) => n > 3, 3000)) > 3, 'of several values the list stays');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// The list of a filter waits for KPIs that come late.
async function lateKpis(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.route('**/api/v1/kpis', async (route) => {
    await pause(1500);
    await route.continue();
  });
  await page.goto(`${base}/d/trading?range=yesterday`);
  await page.getByRole('button', { name: '+ filter' }).click();
  const panel = page.getByRole('dialog', { name: '+ filter' });
  await panel.getByRole('button', { name: 'store', exact: true }).click();
  check((await panel.locator('label.row').count()) === 0, 'no values without a KPI');
  await panel.locator('label.row').nth(3).waitFor();
  check(true, 'once it is there, values are');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Arrow keys never lead under the head or the foot of a table.
async function focusInSight(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/when_and_where`);
  await settled(page);
  const table = tile(page, 'All stores');
  await table.locator('tbody button').first().focus();
  const hidden = () =>
    table.evaluate((node) => {
      const at = document.activeElement.getBoundingClientRect();
      const head = node.querySelector('thead').getBoundingClientRect().bottom;
      const foot = node.querySelector('tfoot').getBoundingClientRect().top;
      return at.top < head - 2 || at.bottom > foot + 2;
    });
  const rows = await table.locator('tbody tr').count();
  let under = 0;
  for (const key of ['ArrowDown', 'ArrowUp']) {
    for (let i = 1; i < rows; i += 1) {
      await page.keyboard.press(key);
      if (await hidden()) under += 1;
    }
  }
  check(rows > 10 && under === 0, 'the row with the focus is in sight', `${under} of ${rows}`);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// A chart that was drawn for a screen is as wide as the paper.
async function chartsOnPaper(browser) {
  const { page, context } = await openPage(browser);
  await page.addInitScript(() => {
    window.ResizeObserver = class extends window.ResizeObserver {
      constructor(tell) {
        super((...all) => window.paper || tell(...all));
      }
    };
  });
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await page.locator('.uplot').first().waitFor();
  await page.emulateMedia({ media: 'print' });
  // Paper is narrower from one moment to the next: nothing is drawn anew.
  await page.evaluate(() => {
    window.paper = true;
    document.querySelector('main').style.width = '600px';
  });
  await pause(100);
  const over = await page.locator('.uplot').evaluateAll((all) =>
    all.map((one) => one.querySelector('canvas').getBoundingClientRect().right - one.closest('article').getBoundingClientRect().right));
  check(over.every((px) => px <= 0), 'no chart is cut on paper', over.join());
  await context.close();
}

export const played = [
  ['played: a name that is taken', takenName],
  ['played: parts and targets', partsAndTargets],
  ['played: late answers', lateAnswers],
  ['played: one lost request of a wall', lostOnce],
  ['played: exports', exports],
  ['played: odd places and distinct people', mapAndHeat],
  ['played: rules', rules],
  ['played: days of the time bar', timeBar],
  ['played: searched values', searchedValues],
  ['played: KPIs that come late', lateKpis],
  ['played: focus in a table', focusInSight],
  ['played: charts on paper', chartsOnPaper],
];
