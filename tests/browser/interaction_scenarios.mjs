// Live updates, filters, time, address, pause, keyboard.
import {
  ask,
  base,
  check,
  numberIn,
  openPage,
  pause,
  screenshot,
  settled,
  sql,
  tile,
  tileNumber,
  until,
} from './harness.mjs';
import { sumsOf, zoneOf } from './number_scenarios.mjs';
import { midnight } from './zone_days.mjs';

const kAmount = 250_000; // far more than the generator sells in a few seconds

// Sells one absurdly dear article, or takes it back.
async function sell(quantity) {
  const id = `browser-test-${Date.now()}-${quantity}`;
  await ask('POST', '/ingest/sales', {
    txn_id: id,
    line: 1,
    ts: new Date().toISOString(),
    store: 'S001',
    region: 'Test',
    register: 'R1',
    sku: 'TEST',
    category: 'Test',
    qty: quantity,
    price: kAmount,
    discount: 0,
    cost: 1,
    currency: 'EUR',
    channel: 'store',
  });
}

async function liveUpdate(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?compare=none`);
  await settled(page);
  await pause(500);
  const before = await tileNumber(page, 'Net sales');
  await sell(1);
  const sent = Date.now();
  const after = await until(
    () => tileNumber(page, 'Net sales'),
    (value) => value >= before + 0.9 * kAmount,
    5000,
    20,
  );
  const took = Date.now() - sent;
  await sell(-1);
  check(after >= before + 0.9 * kAmount, 'an ingested event shows', `${before} ${after}`);
  check(took <= 2000, 'it shows within 2 s', `${took} ms`);
  console.log(`     event shown after ${took} ms`);
  const badge = await page.locator('.badge').getAttribute('data-state');
  check(badge === 'live', 'the badge says live', String(badge));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function filterByClick(browser) {
  const { page, context, faults } = await openPage(browser);
  const zone = await zoneOf();
  await page.goto(`${base}/d/trading?range=yesterday&compare=none`);
  await settled(page);
  const whole = await tileNumber(page, 'Net sales');
  const bar = tile(page, 'Best stores').locator('li button').first();
  const store = await bar.locator('.name').innerText();
  await bar.click();
  await page.waitForURL(/filter=/);
  await settled(page);
  check(page.url().includes(`filter=store:${store}`), 'the address says the filter', page.url());
  const pill = page.locator('.pill', { hasText: store });
  check((await pill.count()) === 1, 'the filter is a pill');
  const { net } = await sumsOf(
    midnight(zone, -1),
    midnight(zone, 0),
    ` AND store = '${store}'`,
  );
  const part = await tileNumber(page, 'Net sales');
  check(Math.abs(part - net) <= 0.51, 'the filtered number equals SQL', `${part} vs ${net}`);
  await page.goBack();
  await settled(page);
  check((await page.locator('.pill').count()) === 0, 'back takes the filter away');
  const again = await tileNumber(page, 'Net sales');
  check(again === whole, 'back brings the number back', `${again} vs ${whole}`);
  await page.goForward();
  await settled(page);
  await page.reload();
  await settled(page);
  check((await pill.count()) === 1, 'a reload keeps the view');
  await pill.getByRole('button').click();
  await settled(page);
  check(!page.url().includes('filter='), 'its ✕ removes the filter', page.url());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function addedFilter(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?range=yesterday&compare=none`);
  await settled(page);
  await page.getByRole('button', { name: '+ filter' }).click();
  const panel = page.getByRole('dialog', { name: '+ filter' });
  await panel.getByRole('button', { name: 'channel' }).click();
  await panel.getByRole('checkbox', { name: 'web' }).check();
  await panel.getByRole('checkbox', { name: 'exclude' }).check();
  await page.waitForURL(/filter=channel:!web/);
  await page.keyboard.press('Escape');
  check((await panel.count()) === 0, 'Escape closes the panel');
  await settled(page);
  const text = await page.locator('.pill').innerText();
  check(/not web/.test(text), 'an excluding filter says so', text);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function timeAndCompare(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading`);
  await settled(page);
  const opener = page.getByRole('button', { name: /^Time range and comparison/ });
  await opener.focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('dialog', { name: /^Time range/ });
  await panel.getByRole('button', { name: 'Last 7 days' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/range=last_7d/);
  check(true, 'a preset is chosen by keyboard');
  await settled(page);
  await opener.click();
  const shift = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  await panel.getByLabel('First day').fill(shift(-5));
  await panel.getByLabel('Last day').fill(shift(-3));
  await screenshot(page, 'time-popover');
  await panel.getByRole('button', { name: 'Apply' }).click();
  await page.waitForURL(/from=/);
  await settled(page);
  check(
    page.url().includes(`from=${shift(-5)}`) && page.url().includes(`to=${shift(-2)}`),
    'own days are [from, to) in the address',
    page.url(),
  );
  check((await tileNumber(page, 'Net sales')) > 0, 'own days have numbers');
  await opener.click();
  await panel.getByLabel('First day').fill(shift(-10));
  await panel.getByLabel('Last day').fill(shift(-8));
  await panel.getByRole('button', { name: 'Compare with it' }).click();
  await page.waitForURL((url) => url.searchParams.get('compare') === `${shift(-10)}/${shift(-7)}`);
  await settled(page);
  const delta = await tile(page, 'Net sales').locator('.delta').innerText();
  check(/vs chosen range/.test(delta) && page.url().includes(`from=${shift(-5)}`), 'and are compared with others', delta);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function pauseAndResume(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?compare=none`);
  await settled(page);
  await page.getByRole('button', { name: 'Pause updates' }).click();
  const before = await tileNumber(page, 'Net sales');
  await sell(1);
  await pause(1500);
  check((await tileNumber(page, 'Net sales')) === before, 'paused numbers stand still');
  const badge = await page.locator('.badge').innerText();
  check(/paused at \d/.test(badge), 'the badge says since when', badge);
  await page.getByRole('button', { name: 'Resume updates' }).click();
  const after = await until(
    () => tileNumber(page, 'Net sales'),
    (value) => value >= before + 0.9 * kAmount,
    5000,
  );
  await sell(-1);
  check(after >= before + 0.9 * kAmount, 'resumed numbers catch up');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function chartByKeyboard(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  const chart = tile(page, 'Net sales by hour');
  const slider = chart.getByRole('slider');
  await slider.focus();
  await page.keyboard.press('Home');
  const first = await slider.getAttribute('aria-valuetext');
  check(/00:00: /.test(first ?? ''), 'Home reads the first hour', String(first));
  await page.keyboard.press('ArrowRight');
  const second = await slider.getAttribute('aria-valuetext');
  check(/01:00: /.test(second ?? ''), 'the arrow reads the next', String(second));
  await chart.getByRole('button', { name: 'Show as table' }).click();
  const rows = await chart.locator('tbody tr').count();
  check(rows >= 23 && rows <= 25, 'the chart is a table of the hours', String(rows));
  const values = await chart.locator('tbody tr td:nth-child(2)').allInnerTexts();
  check(!values.some((v) => /null|NaN|undefined/.test(v)), 'every hour has a value or —');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// A cell of a heat map filters the page to its weekday and hour; the same click
// again takes that away.
async function hourOfHeat(browser) {
  const { page, context, faults } = await openPage(browser);
  const title = 'Net sales by hour and weekday';
  const cell = tile(page, title).getByRole('gridcell', { name: /Wednesday, 12:00/ });
  const part = (name) => new URL(page.url()).searchParams.get(name) ?? '';
  const pills = page.locator('.filters .pill');
  // A range of full days in the past: its numbers stand still.
  const to = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const from = new Date(Date.now() - 13 * 86_400_000).toISOString().slice(0, 10);
  await page.goto(`${base}/d/when_and_where?from=${from}&to=${to}&tz=Europe/Madrid`);
  await settled(page);
  const said = await cell.getAttribute('aria-label');
  await cell.click();
  await until(async () => pills.count(), (n) => n === 2);
  await settled(page);
  check(part('filter') === '__weekday:3;__hour:12', 'a cell filters to its weekday and hour', page.url());
  const words = await pills.allInnerTexts();
  check(/weekday:\s*Wednesday/.test(words[0]) && /hour of the day:\s*12:00/.test(words[1]), 'in words', words.join(' | '));
  check((await cell.getAttribute('aria-label')) === said, 'its own number stays', said);
  const time = `TIME_FLOOR(__time, 'PT1H', NULL, 'Europe/Madrid')`;
  const [row] = await sql(
    `SELECT SUM(net) AS n, COUNT(*) AS lines FROM sales WHERE __time >= TIME_PARSE('${from}', NULL, 'Europe/Madrid')
     AND __time < TIME_PARSE('${to}', NULL, 'Europe/Madrid')
     AND TIME_EXTRACT(${time}, 'ISODOW', 'Europe/Madrid') = 3 AND TIME_EXTRACT(${time}, 'HOUR', 'Europe/Madrid') = 12`,
  );
  const { value } = await ask('GET', `/api/v1/kpis/net_sales/value?from=${from}&to=${to}&tz=Europe/Madrid&filter=__weekday:3;__hour:12`);
  check(Math.abs(row.n - value) < 0.005, 'and is what SQL adds up', `${row.n} ${value}`);
  const rest = tile(page, 'All stores').locator('tfoot, .total').first();
  check(numberIn(await rest.innerText()) > 0, 'the stores are those of that hour', await rest.innerText());
  await tile(page, 'All stores').getByRole('button', { name: 'Open All stores' }).click();
  await page.getByRole('tab', { name: /Rows/ }).click();
  const shown = page.getByText(/The newest .* rows/).first();
  await until(() => shown.innerText(), (text) => /\d/.test(text));
  const counted = (await shown.innerText()).replace(/[,.]/g, '');
  check(counted.includes(String(row.lines)), 'and so are the rows behind', `${counted}; ${row.lines}`);
  await page.goBack();
  await settled(page);
  await cell.click();
  await until(async () => pills.count(), (n) => n === 0);
  check(part('filter') === '', 'the same click takes it away', page.url());
  await settled(page);
  await cell.focus();
  await page.keyboard.press('Enter');
  await until(async () => pills.count(), (n) => n === 2);
  check(part('filter') === '__weekday:3;__hour:12', 'Enter filters, too', page.url());
  await page.goto(`${base}/d/when_and_where?range=yesterday&tz=UTC`);
  await settled(page);
  await tile(page, title).locator('.step0').first().click();
  await pause(300);
  check(part('filter') === '', 'a cell without a number leads nowhere', page.url());
  // Where the range begins long before the first event, an hour is one of those since.
  await page.goto(`${base}/d/when_and_where?range=last_30d&tz=Europe/Madrid`);
  await settled(page);
  const often = `TIME_FLOOR(__time, 'PT1H', NULL, 'Europe/Madrid')`;
  const [since] = await sql(
    `SELECT COUNT(DISTINCT ${often}) AS hours FROM sales WHERE TIME_EXTRACT(${often}, 'ISODOW', 'Europe/Madrid') = 3
     AND TIME_EXTRACT(${often}, 'HOUR', 'Europe/Madrid') = 12`,
  );
  const typical = (await cell.getAttribute('aria-label')) ?? '';
  check(typical.includes(`average of ${since.hours} `), 'hours before the first event are none', `${typical}; ${since.hours}`);
  // Of all KPIs those are beside each other that have hours.
  await page.goto(`${base}/explore/sales?range=last_7d&show=pivot&by=store&filter=__weekday:3;__hour:12`);
  const table = page.locator('main table');
  await table.waitFor();
  check(/Net sales/.test(await table.innerText()), 'all KPIs that have hours are in a pivot');
  // Stock is a level at a moment: it has no hour of the day.
  await page.goto(`${base}/d/inventory?filter=__hour:12`);
  await settled(page);
  const level = page.getByText(/can’t be filtered by hour of the day/);
  check((await level.count()) > 0, 'a level says that it has no hours', String(await level.count()));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const interactions = [
  ['live update', liveUpdate],
  ['filter by click, address, back', filterByClick],
  ['filter by list', addedFilter],
  ['time range and own days', timeAndCompare],
  ['pause and resume', pauseAndResume],
  ['chart by keyboard and as table', chartByKeyboard],
  ['an hour of a heat map', hourOfHeat],
];
