// Filters on a KPI's value for each row of a list, against SQL with HAVING.
import { ask, base, check, numberIn, openPage, screenshot, settled, sql, tile, until } from './harness.mjs';
import { audit } from './look_scenarios.mjs';

const parameter = (page, name) => new URL(page.url()).searchParams.get(name) ?? '';
const utc = (iso) => new Date(iso).toISOString().slice(0, 19).replace('T', ' ');
const whole = (n) => n.toLocaleString('en-US');

// Yesterday's stores with their net sales, and a limit some of them pass.
async function stores() {
  const { answers } = await ask('POST', '/api/v1/kpis/query', {
    queries: [{ kpi: 'net_sales', range: 'yesterday', tz: 'Europe/Madrid' }],
  });
  const { from, to } = answers[0].range;
  const having = (condition) =>
    sql(
      `SELECT store, SUM(net) AS net FROM sales WHERE __time >= TIMESTAMP '${utc(from)}' ` +
        `AND __time < TIMESTAMP '${utc(to)}' GROUP BY store ${condition} ORDER BY net DESC`,
    );
  const all = await having('');
  // Between two stores, so that the limit itself decides nothing.
  const limit = Math.floor((all[2].net + all[3].net) / 2);
  return { having, all, limit, total: answers[0].value };
}

async function byKeys(browser) {
  const { page, context, faults } = await openPage(browser);
  const { having, all, limit, total } = await stores();
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  await press('/');
  const panel = page.getByRole('dialog', { name: '+ filter' });
  const kpi = panel.getByRole('button', { name: 'Net sales …' });
  await kpi.waitFor();
  for (let i = 0; i < 40 && !(await kpi.evaluate((node) => node === document.activeElement)); i += 1) {
    await press('Tab');
  }
  await press('Enter', 'Tab', 'Tab');
  await page.keyboard.type(String(limit));
  await audit(page, 'a filter on values', '[role=dialog]');
  await press('Enter');
  await page.waitForURL(/having=/);
  check(parameter(page, 'having') === `net_sales:above:${limit}`, 'a filter on values is in the address', page.url());
  check((await panel.count()) === 0, 'its panel closes');

  const best = tile(page, 'Best stores');
  const wanted = await having(`HAVING SUM(net) > ${limit}`);
  const rows = best.locator('li');
  await until(() => rows.count(), (n) => n === wanted.length);
  const names = (await rows.locator('.name').allInnerTexts()).map((name) => name.trim());
  check(names.join() === wanted.map((row) => row.store).join(), 'a leaderboard has the rows of HAVING', names.join());
  const foot = await best.locator('.foot').innerText();
  check(foot.includes(`${wanted.length} of ${all.length} pass`), 'it says how many pass', foot);
  check(/Total of all rows/.test(foot), 'and that the total is of all', foot);
  check(Math.abs(numberIn(foot.split('Total of all rows')[1]) - total) <= 0.51, 'the total is of all', `${foot} ${total}`);
  await screenshot(page, 'measure-filter');

  await page.reload();
  await settled(page);
  await until(() => rows.count(), (n) => n === wanted.length);
  check((await rows.count()) === wanted.length, 'the filter outlives a reload');
  const remove = page.getByRole('button', { name: 'Remove the filter on Net sales' });
  await remove.focus();
  await press('Enter');
  await page.waitForURL((url) => !url.search.includes('having='));
  await until(() => rows.count(), (n) => n > wanted.length);
  check((await rows.count()) > wanted.length, 'removed by a key, all rows are back');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function everyList(browser) {
  const { page, context, faults } = await openPage(browser);
  const { having, all, limit, total } = await stores();
  const low = await having(`HAVING SUM(net) < ${limit}`);
  const query = `kpi=transactions&by=store&range=yesterday&tz=Europe/Madrid&having=net_sales:below:${limit}`;
  await page.goto(`${base}/explore/sales?${query}&show=table`);
  const items = page.locator('tr.item');
  await items.first().waitFor();
  await page.getByText(`${low.length} of ${all.length} pass`).waitFor();
  check(
    (await page.getByText(`${whole(low.length)} values`).count()) === 1,
    'a table of another KPI has the rows of HAVING',
  );
  const first = (await items.first().locator('th').innerText()).trim();
  check(low.some((row) => row.store === first), 'only those', first);

  await page.goto(`${base}/explore/sales?${query}&show=boards`);
  const board = page.getByRole('region', { name: 'store', exact: true });
  await board.getByText(`${low.length} of ${all.length} pass`).waitFor();
  check(true, 'boards say how many pass');

  await page.goto(`${base}/explore/sales?${query.replace('transactions', 'net_sales')}&show=pivot&column=channel`);
  await page.getByText(`${low.length} of ${all.length} pass`).waitFor();
  const totals = await page.locator('tr.totals').innerText();
  check(totals.startsWith('Total of all rows'), 'a pivot says what its totals are of', totals);
  check(Math.abs(numberIn(totals.trim().split('\t').at(-1)) - total) <= 0.51, 'and they are', `${totals} ${total}`);

  // Net sales are not known by carrier.
  await page.goto(`${base}/d/supply?having=net_sales:above:1`);
  await settled(page);
  const told = tile(page, 'On time by carrier').getByText('not filtered by Net sales');
  await told.waitFor();
  check(true, 'a list that can’t be filtered says so');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const measures = [
  ['filters on values by keys', byKeys],
  ['filters on values in every list', everyList],
];
