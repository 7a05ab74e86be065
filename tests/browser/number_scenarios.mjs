// What is on screen equals what SQL says.
import {
  ask,
  base,
  check,
  numberIn,
  openPage,
  settled,
  sql,
  tile,
  tileNumber,
  tileText,
  until,
} from './harness.mjs';
import { midnight } from './zone_days.mjs';

const kTitles = {
  'Net sales': (sums) => sums.net,
  Receipts: (sums) => sums.receipts,
  'Average basket': (sums) => sums.net / sums.receipts,
  'Gross margin': (sums) => (sums.net - sums.cost) / sums.net,
  'Web orders': (sums) => sums.web,
  'Discount rate': (sums) => sums.discount / (sums.net + sums.discount),
};

export const zoneOf = async () =>
  (await ask('GET', '/api/v1/dashboards/trading')).default.tz;

const between = (from, to) =>
  `__time >= TIMESTAMP '${from.slice(0, 19).replace('T', ' ')}'` +
  ` AND __time < TIMESTAMP '${to.slice(0, 19).replace('T', ' ')}'`;

// The sums that all KPIs of the page are made of, each by plain SQL.
export async function sumsOf(from, to, more = '') {
  const where = `WHERE ${between(from, to)}${more}`;
  const [all] = await sql(
    `SELECT SUM(net) AS net, SUM(cost) AS cost, SUM(discount) AS discount,` +
      ` COUNT(DISTINCT txn_id) AS receipts FROM sales ${where}`,
  );
  const [web] = await sql(
    `SELECT COUNT(DISTINCT txn_id) AS web FROM sales ${where} AND channel = 'web'`,
  );
  const every = { ...all, ...web };
  return Object.fromEntries(Object.entries(every).map(([k, v]) => [k, Number(v)]));
}

// Half of the last digit that the text shows.
function rounding(text) {
  const digits = (/\.(\d+)/.exec(text)?.[1] ?? '').length;
  return 0.5001 * 10 ** -(digits + (text.includes('%') ? 2 : 0));
}

async function yesterdayEqualsSql(browser) {
  const { page, context, faults } = await openPage(browser);
  const zone = await zoneOf();
  await page.goto(`${base}/d/trading?range=yesterday&compare=none`);
  await settled(page);
  const sums = await sumsOf(midnight(zone, -1), midnight(zone, 0));
  for (const [title, expected] of Object.entries(kTitles)) {
    const text = await tileText(page, title);
    const want = expected(sums);
    const off = Math.abs(numberIn(text) - want);
    check(off <= rounding(text), `${title} of yesterday equals SQL`, `${text} vs ${want}`);
  }
  const top = await sql(
    `SELECT store, SUM(net) AS net FROM sales WHERE` +
      ` ${between(midnight(zone, -1), midnight(zone, 0))}` +
      ` GROUP BY store ORDER BY net DESC LIMIT 10`,
  );
  const rows = tile(page, 'Best stores').locator('li button');
  check((await rows.count()) === top.length, 'ten best stores are listed');
  for (const [index, row] of top.entries()) {
    const name = await rows.nth(index).locator('.name').innerText();
    const text = await rows.nth(index).locator('.cell').first().getAttribute('title');
    const off = Math.abs(numberIn(text ?? '') - Number(row.net));
    check(
      name === row.store && off <= rounding(text ?? ''),
      `store ${index + 1} of yesterday equals SQL`,
      `${name} ${text} vs ${row.store} ${row.net}`,
    );
  }
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function todayLiesBetween(browser) {
  const { page, context } = await openPage(browser);
  const zone = await zoneOf();
  const net = async () => (await sumsOf(midnight(zone, 0), midnight(zone, 1))).net;
  await page.goto(`${base}/d/trading?compare=none`);
  await settled(page);
  // The page may be a push behind: it has to reach what SQL said before.
  const before = await net();
  const slack = 1 + Math.abs(before) * 1e-3; // returns take back a little
  const shown = await until(
    () => tileNumber(page, 'Net sales'),
    (value) => value >= before - slack,
    3000,
  );
  const after = await net();
  check(
    shown >= before - slack && shown <= after + slack,
    'net sales of today lies between SQL before and after',
    `${before} <= ${shown} <= ${after}`,
  );
  await context.close();
}

// The compared hours are cut where today has come to, and say the same as the
// tile; the target is the whole's, with its pace.
async function todayLikeForLike(browser) {
  const zone = await zoneOf();
  const answer = await ask(
    'GET',
    `/api/v1/kpis/net_sales/value?range=today&tz=${zone}&grain=hour&compare=same_day_last_week`,
  );
  const { value, series, ahead = [] } = answer.compare;
  const sum = series.reduce((total, point) => total + point.value, 0);
  check(Math.abs(sum - value) < 0.005, 'the compared hours add up', `${sum} vs ${value}`);
  const running = answer.series.findLast((point) => point.value !== null);
  const beside = series.find((point) => point.t === running.t);
  check(beside?.partial === true, 'the running hour stands beside a part', running.t);
  check(ahead[0]?.t === running.t, 'the rest of that day begins there', ahead[0]?.t);
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading`);
  await settled(page);
  const chart = await tile(page, 'Net sales by hour').locator('.readout').innerText();
  check(/still running/.test(chart) && /same time/.test(chart), 'the chart says so', chart);
  const target = tile(page, 'Net sales').locator('.target');
  const words = await target.innerText();
  // Late in the day the whole may be reached, and has no pace any more.
  const expected = answer.target.attained >= 1 ? /✓\s*\d+% of target/ : /(on pace|behind): €[\d,]+/;
  check(expected.test(words), 'the target has a pace', words);
  check((await target.locator('.marker').count()) === 1, 'and a marker on its bar');
  await page.goto(`${base}/d/trading?filter=store:S001`);
  await settled(page);
  const part = await tile(page, 'Net sales').innerText();
  check(/target is for the whole/.test(part), 'a part has no target of the whole', part);
  const margin = await tile(page, 'Gross margin').innerText();
  check(/target 31/.test(margin), 'a ratio keeps its own', margin);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const numbers = [
  ['numbers of yesterday equal SQL', yesterdayEqualsSql],
  ['number of today follows SQL', todayLiesBetween],
  ['today like for like', todayLikeForLike],
];
